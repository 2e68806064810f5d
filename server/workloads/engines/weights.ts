import { EcoError, type ModelSource } from '../../../sdk/contract/index.ts';

/** Where the weights are, as engines take it: a repository or a path; undefined where the image has them. */
export interface Weights {
  name: string;
  /** Of a repository; null for a path. */
  revision: string | null;
}

const DEFAULT_REVISION = 'main';
const REPOSITORY = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;

/** A platform model is named by its repository. */
export function weightsOf(source: ModelSource): Weights | undefined {
  switch (source.type) {
    case 'huggingface':
      return { name: source.repo, revision: source.revision };
    case 'filesystem':
      return { name: source.path, revision: null };
    case 'platform':
      return { name: repositoryOf(source.platform_model), revision: DEFAULT_REVISION };
    case 'image':
      return undefined;
  }
}

function repositoryOf(platformModel: string): string {
  if (REPOSITORY.test(platformModel)) return platformModel;
  throw new EcoError(
    'not_supported',
    `source.platform_model: "${platformModel}" is not the name of a Hugging Face repository, so its weights cannot be found. Register the repository itself.`,
    { param: 'model', hint: 'eco models register --help' },
  );
}

/** `flag` before the name of the weights, or the name alone; the revision behind `--revision`. */
export function weightArgs(source: ModelSource, flag?: string): string[] {
  const weights = weightsOf(source);
  if (!weights) return [];
  const { name, revision } = weights;
  return [...(flag ? [flag] : []), name, ...(revision === null ? [] : ['--revision', revision])];
}

/** For engines that read GGUF files: their repositories are asked for without a revision. */
export function unrevised(engine: string, source: ModelSource): Weights | undefined {
  const weights = weightsOf(source);
  if (!weights || weights.revision === null || weights.revision === DEFAULT_REVISION) return weights;
  throw new EcoError(
    'not_supported',
    `engine: ${engine} cannot take revision "${weights.revision}" of ${weights.name}. Register the repository without a revision, or choose another engine.`,
    { param: 'engine', hint: 'eco instances launch --help' },
  );
}
