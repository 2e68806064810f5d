import { type Engine, imageNamed } from './engine.ts';
import { weightArgs } from './weights.ts';

/** Without the prefix its endpoints are not below /v1, where the gateway calls them; health and metrics stay at the root. */
export const infinity: Engine = {
  name: 'infinity',
  image: 'michaelf34/infinity:latest',
  pattern: imageNamed('infinity'),
  binary: 'infinity_emb',
  program: ['infinity_emb'],
  entry: [],
  port: 7997,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: null },
  categories: ['embedding', 'reranker'],
  names: { flag: '--served-model-name' },
  usage: 'none',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: ({ source, servedName, gpus, host, port }) => [
    'v2',
    ...weightArgs(source, '--model-id'),
    ...['--served-model-name', servedName, '--url-prefix', '/v1', '--host', host, '--port', port],
    ...(gpus > 1 ? ['--device-id', Array.from({ length: gpus }, (_, index) => index).join(',')] : []),
  ],
  note: 'Several GPUs hold a copy of the model each.',
};
