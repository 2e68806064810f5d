import type { ModelCategory, ModelSource } from '../../sdk/contract/index.ts';

/** The built-in engine simulator: serves every category, on any machine. */
export const SIMULATOR_IMAGE = 'ecolink/sim';
/** Stands for "no image": a command of a local region. */
export const NO_IMAGE = 'none';

interface Engine {
  name: string;
  /** How its images are recognised. */
  pattern: RegExp;
  /** Null: the driver's choice, told in PORT. */
  port: number | null;
  /** What the engine must be told to serve the weights of a repository under a name. */
  args(repo: string, revision: string, servedName: string): string[];
}

const engines: readonly Engine[] = [
  { name: 'sim', pattern: /^ecolink\/sim(:|$)/, port: null, args: () => [] },
  {
    name: 'vllm',
    pattern: /(^|\/)vllm(-|\/|:|$)/,
    port: 8000,
    args: (repo, revision, servedName) => ['--model', repo, '--revision', revision, '--served-model-name', servedName],
  },
  {
    name: 'tei',
    pattern: /(^|\/)text-embeddings-inference(:|$)/,
    port: 80,
    args: (repo, revision, servedName) => [
      '--model-id',
      repo,
      '--revision',
      revision,
      '--served-model-name',
      servedName,
    ],
  },
];

const CUSTOM: Engine = { name: 'custom', pattern: /$/, port: null, args: () => [] };

export const engineOf = (image: string): Engine => engines.find(({ pattern }) => pattern.test(image)) ?? CUSTOM;

/** The image that serves a category where the launch names none; undefined where there is no usual one. */
export const defaultImages: Partial<Record<ModelCategory, string>> = {
  chat: 'vllm/vllm-openai:latest',
  embedding: 'ghcr.io/huggingface/text-embeddings-inference:latest',
  reranker: 'ghcr.io/huggingface/text-embeddings-inference:latest',
};

const STARTUP_SECONDS = { min: 600, max: 3600, perBillion: 20 };
const BILLIONS = /(\d{1,4}(?:\.\d+)?)b(?![a-z0-9])/i;

/** How long a replica may load: weights in billions of parameters, as the repository's name tells them, at 20 s each. */
export function startupSeconds(source: ModelSource): number {
  const name = source.type === 'huggingface' ? source.repo : source.type === 'platform' ? source.platform_model : '';
  const billions = Number(BILLIONS.exec(name)?.[1] ?? 0);
  const { min, max, perBillion } = STARTUP_SECONDS;
  return Math.min(max, Math.max(min, Math.round(min / 2 + billions * perBillion)));
}
