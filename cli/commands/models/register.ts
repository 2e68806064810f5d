import { Args, Flags } from '@oclif/core';
import { modelCategories } from '../../../sdk/contract/models.ts';
import { EcoCommand } from '../../base.ts';
import { readToken, sourceFlags, sourceNames, sourceOf, tokenFlag } from '../../model-source.ts';
import { quiet } from '../../shared-flags.ts';
import { UsageError } from '../../usage-error.ts';

export default class ModelsRegister extends EcoCommand {
  static override summary = 'register a model: where its weights live, and what it does';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama --hf meta-llama/Llama-3.1-8B-Instruct --token-stdin < token.txt',
    '<%= config.bin %> <%= command.id %> my-tune --filesystem shared --path /shared/models/my-tune',
    '<%= config.bin %> <%= command.id %> my-demo --image',
  ];
  static override args = { name: Args.string({ required: true, description: 'lower-case letters, digits and "-"' }) };
  static override flags = {
    ...sourceFlags,
    'token-stdin': tokenFlag,
    category: Flags.option({ options: modelCategories, default: 'chat', description: 'what it does' })(),
    quiet,
  };

  async run() {
    const { args, flags } = await this.parse(ModelsRegister);
    const source = sourceOf(flags);
    if (!source) throw new UsageError(`Say where the weights live: --${sourceNames.join(', --')}.`);
    const eco = await this.client(flags);
    const token = flags['token-stdin'] ? await readToken(this.jsonEnabled()) : undefined;
    const model = await eco.models.register({ name: args.name, category: flags.category, source, token });
    this.log(flags.quiet ? model.id : `Registered ${model.name} (${model.category}, ${model.id}).`);
    if (!flags.quiet) this.note(howToLaunch(model.name));
    return model;
  }
}

const howToLaunch = (name: string) => `Launch it with: eco instances launch ${name}
  in a local region without its engine, by the simulator: eco instances launch ${name} --image ecolink/sim`;
