import { EcoCommand } from '../../../base.ts';
import { catalogColumns } from '../../../catalog-view.ts';

export default class AdminModelsList extends EcoCommand {
  static override summary = 'list platform models with their backends, disabled ones too';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(AdminModelsList);
    const eco = await this.client(flags, 'admin');
    const page = await eco.admin.listModels();
    const none = 'The catalogue is empty. Fill it: eco admin models import catalog.yaml';
    return this.showPage(page, { ...catalogColumns, BACKENDS: ({ backends }) => backends.length }, none);
  }
}
