import { type Engine, imageNamed, perGpu } from './engine.ts';
import { weightArgs } from './weights.ts';

export const tgi: Engine = {
  name: 'tgi',
  image: 'ghcr.io/huggingface/text-generation-inference:latest',
  pattern: imageNamed('text-generation-inference'),
  binary: 'text-generation-launcher',
  program: ['text-generation-launcher'],
  entry: [],
  port: 80,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: null },
  categories: ['chat'],
  names: null,
  usage: 'final',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: ({ source, gpus, host, port }) => [
    ...weightArgs(source, '--model-id'),
    ...['--hostname', host, '--port', port],
    ...perGpu('--num-shard', gpus),
  ],
  note: 'It has no flag for a served name and answers to any. Beyond 128 requests at once it refuses with 429.',
};
