import type { ModelCategory } from '../../../sdk/contract/index.ts';
import { type Engine, type EngineLaunch, imageNamed } from './engine.ts';
import { unrevised } from './weights.ts';

const TASKS: Partial<Record<ModelCategory, string[]>> = { embedding: ['--embeddings'], reranker: ['--reranking'] };

/** It spreads the layers over all GPUs that it sees, without being told how many. */
export const llamaCpp: Engine = {
  name: 'llama.cpp',
  image: 'ghcr.io/ggml-org/llama.cpp:server-cuda',
  pattern: imageNamed('llama.cpp'),
  binary: 'llama-server',
  program: ['llama-server'],
  entry: [],
  port: 8080,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: '--metrics' },
  categories: ['chat', 'embedding', 'reranker'],
  names: { flag: '--alias' },
  usage: 'final',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: (launch) => [
    ...weights(launch),
    ...['--alias', launch.servedName, '--host', launch.host, '--port', launch.port],
    ...(TASKS[launch.category] ?? []),
    '--metrics',
  ],
  note: 'Takes repositories of GGUF files; another quantisation than the usual one is named with `--arg=-hff --arg=<file>`.',
};

function weights({ source }: EngineLaunch): string[] {
  const found = unrevised('llama.cpp', source);
  if (!found) return [];
  return [found.revision === null ? '--model' : '--hf-repo', found.name];
}
