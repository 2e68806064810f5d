import { Args } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { sourceText } from '../../model-view.ts';
import { formatAge } from '../../time.ts';

export default class ModelsShow extends EcoCommand {
  static override summary = 'show a registered model';
  static override examples = ['<%= config.bin %> <%= command.id %> my-llama'];
  static override args = { model: Args.string({ required: true, description: 'name or id' }) };

  async run() {
    const { args, flags } = await this.parse(ModelsShow);
    const eco = await this.client(flags);
    const model = await eco.models.get(args.model);
    const { id, name, category, has_token, created_at } = model;
    const token = has_token ? 'kept, never shown' : 'none';
    this.record({ name, id, category, source: sourceText(model), token, created: `${formatAge(created_at)} ago` });
    return model;
  }
}
