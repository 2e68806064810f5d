import { EcoCommand } from '../base.ts';
import { catalogColumns } from '../catalog-view.ts';

export default class Catalog extends EcoCommand {
  static override summary = 'list the platform models with prices and regions';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(Catalog);
    const eco = await this.client(flags, 'account', false); // everybody may read it
    const models = await eco.catalog.list();
    if (models.length > 0) this.table(models, catalogColumns);
    else if (!this.jsonEnabled())
      this.note('The catalogue is empty. The operator fills it with: eco admin models import');
    return models;
  }
}
