import { Args, Flags } from '@oclif/core';
import { EcoCommand } from '../../base.ts';
import { readToken, sourceFlags, sourceOf, tokenFlag } from '../../model-source.ts';
import { sourceText } from '../../model-view.ts';
import { quiet } from '../../shared-flags.ts';
import { UsageError } from '../../usage-error.ts';

export default class ModelsUpdate extends EcoCommand {
  static override summary = 'change where the weights of a model live; what runs keeps what it was launched with';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama --hf meta-llama/Llama-3.1-8B-Instruct --revision v2',
    '<%= config.bin %> <%= command.id %> my-llama --forget-token',
  ];
  static override args = { model: Args.string({ required: true, description: 'name or id' }) };
  static override flags = {
    ...sourceFlags,
    'token-stdin': tokenFlag,
    'forget-token': Flags.boolean({ exclusive: ['token-stdin'], description: 'keep no token any more' }),
    quiet,
  };

  async run() {
    const { args, flags } = await this.parse(ModelsUpdate);
    const source = sourceOf(flags);
    const hasToken = flags['token-stdin'] || flags['forget-token'];
    if (!source && !hasToken) throw new UsageError('Say what changes: a source like --hf owner/repo, or a token.');
    const eco = await this.client(flags);
    const token = flags['token-stdin'] ? await readToken(this.jsonEnabled()) : null;
    const model = await eco.models.update(args.model, { source, ...(hasToken && { token }) });
    this.log(flags.quiet ? model.id : `${model.name} is ${sourceText(model)} from now on.`);
    if (!flags.quiet) this.note(`What runs keeps what it has. Launch anew: eco instances launch ${model.name}`);
    return model;
  }
}
