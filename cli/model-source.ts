import { Flags } from '@oclif/core';
import type { z } from 'zod';
import type { ModelSource } from '../sdk/index.ts';
import { askHidden, canAsk, readStdin } from './ask.ts';
import { UsageError } from './usage-error.ts';

export const sourceNames = ['hf', 'image', 'platform', 'filesystem'];

/** Where the weights of a model live. */
export const sourceFlags = {
  hf: Flags.string({ exclusive: othersOf('hf'), helpValue: 'owner/repo', description: 'weights from Hugging Face' }),
  revision: Flags.string({ dependsOn: ['hf'], description: 'branch, tag or commit of the repository' }),
  image: Flags.boolean({ exclusive: othersOf('image'), description: 'weights are inside the container image' }),
  platform: Flags.string({
    exclusive: othersOf('platform'),
    helpValue: 'model',
    description: 'weights of a platform model',
  }),
  filesystem: Flags.string({
    exclusive: othersOf('filesystem'),
    dependsOn: ['path'],
    description: 'weights on a filesystem',
  }),
  path: Flags.string({ dependsOn: ['filesystem'], description: 'where replicas find them, below its mount' }),
};

export const tokenFlag = Flags.boolean({
  exclusive: othersOf('hf'),
  description: 'read the token of a gated repository',
});

interface Chosen {
  hf?: string | undefined;
  revision?: string | undefined;
  image: boolean;
  platform?: string | undefined;
  filesystem?: string | undefined;
  path?: string | undefined;
}

/** The source that the flags name, if they name one. */
export function sourceOf({ hf, revision, image, platform, filesystem, path }: Chosen): Source | undefined {
  if (hf !== undefined) return { type: 'huggingface', repo: hf, revision };
  if (platform !== undefined) return { type: 'platform', platform_model: platform };
  if (filesystem !== undefined && path !== undefined) return { type: 'filesystem', filesystem, path };
  return image ? { type: 'image' } : undefined;
}

export type Source = z.input<typeof ModelSource>;

/** The flags that name a source. */
export function sourceArguments(source: ModelSource): string {
  switch (source.type) {
    case 'huggingface':
      return `--hf ${source.repo} --revision ${source.revision}`;
    case 'platform':
      return `--platform ${source.platform_model}`;
    case 'filesystem':
      return `--filesystem ${source.filesystem} --path ${source.path}`;
    case 'image':
      return '--image';
  }
}

/** A token comes through a pipe, or is typed unseen; never on the command line. */
export async function readToken(isJson: boolean): Promise<string> {
  if (!process.stdin.isTTY) return (await readStdin()).trim();
  if (!canAsk(isJson)) throw new UsageError('--token-stdin: pipe the token in.');
  return askHidden('Hugging Face token: ');
}

function othersOf(source: string): string[] {
  return sourceNames.filter((name) => name !== source);
}
