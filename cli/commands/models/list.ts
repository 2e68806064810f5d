import { EcoCommand } from '../../base.ts';
import { modelColumns } from '../../model-view.ts';
import { pageFlags } from '../../shared-flags.ts';

export default class ModelsList extends EcoCommand {
  static override summary = 'list registered models';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override hiddenAliases = ['models:ls'];
  static override flags = pageFlags;

  async run() {
    const { flags } = await this.parse(ModelsList);
    const eco = await this.client(flags);
    const page = await eco.models.list({ limit: flags.limit, after: flags.after });
    return this.showPage(page, modelColumns, 'No models yet. Register one: eco models register --help');
  }
}
