import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';

export default class ModelsRemove extends EcoCommand {
  static override summary = 'remove a registered model that nothing runs any more';
  static override examples = ['<%= config.bin %> <%= command.id %> my-llama'];
  static override hiddenAliases = ['models:rm'];
  static override args = { model: Args.string({ required: true, description: 'name or id' }) };

  async run() {
    const { args, flags } = await this.parse(ModelsRemove);
    const eco = await this.client(flags);
    const model = await eco.models.remove(args.model);
    this.log(`Removed ${model.name}.`);
    return model;
  }
}
