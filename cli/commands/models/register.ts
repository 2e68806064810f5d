import { Args, Flags } from '@oclif/core';
import { type ModelSource, modelCategories } from '../../../sdk/contract/models.ts';
import { askHidden, canAsk, readStdin } from '../../ask.ts';
import { EcoCommand } from '../../base.ts';
import { quiet } from '../../shared-flags.ts';
import { UsageError } from '../../usage-error.ts';

const sources = ['hf', 'image', 'platform', 'filesystem'];

export default class ModelsRegister extends EcoCommand {
  static override summary = 'register a model: where its weights live, and what it does';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama --hf meta-llama/Llama-3.1-8B-Instruct --token-stdin < token.txt',
    '<%= config.bin %> <%= command.id %> my-tune --filesystem shared --path /models/my-tune',
    '<%= config.bin %> <%= command.id %> my-demo --image',
  ];
  static override args = { name: Args.string({ required: true, description: 'lower-case letters, digits and "-"' }) };
  static override flags = {
    hf: Flags.string({ exactlyOne: sources, helpValue: 'owner/repo', description: 'weights from Hugging Face' }),
    revision: Flags.string({ dependsOn: ['hf'], description: 'branch, tag or commit of the repository' }),
    'token-stdin': Flags.boolean({ dependsOn: ['hf'], description: 'read the token of a gated repository' }),
    image: Flags.boolean({ exactlyOne: sources, description: 'weights are inside the container image' }),
    platform: Flags.string({ exactlyOne: sources, helpValue: 'model', description: 'weights of a platform model' }),
    filesystem: Flags.string({ exactlyOne: sources, dependsOn: ['path'], description: 'weights on a filesystem' }),
    path: Flags.string({ dependsOn: ['filesystem'], description: 'where on the filesystem' }),
    category: Flags.option({ options: modelCategories, default: 'chat', description: 'what it does' })(),
    quiet,
  };

  async run() {
    const { args, flags } = await this.parse(ModelsRegister);
    const eco = await this.client(flags);
    const token = flags['token-stdin'] ? await this.#readToken() : undefined;
    const { name } = args;
    const model = await eco.models.register({ name, category: flags.category, source: sourceOf(flags), token });
    this.log(flags.quiet ? model.id : `Registered ${model.name} (${model.category}, ${model.id}).`);
    if (!flags.quiet) this.note(`Launch it with: eco instances launch ${model.name}`);
    return model;
  }

  async #readToken(): Promise<string> {
    if (!process.stdin.isTTY) return (await readStdin()).trim();
    if (!canAsk(this.jsonEnabled())) throw new UsageError('--token-stdin: pipe the token in.');
    return askHidden('Hugging Face token: ');
  }
}

interface SourceFlags {
  hf?: string | undefined;
  revision?: string | undefined;
  platform?: string | undefined;
  filesystem?: string | undefined;
  path?: string | undefined;
}

function sourceOf({ hf, revision, platform, filesystem, path }: SourceFlags): Source {
  if (hf !== undefined) return { type: 'huggingface', repo: hf, revision };
  if (platform !== undefined) return { type: 'platform', platform_model: platform };
  if (filesystem !== undefined && path !== undefined) return { type: 'filesystem', filesystem, path };
  return { type: 'image' };
}

type Source = import('zod').input<typeof ModelSource>;
