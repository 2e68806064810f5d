import { type Engine, imageNamed, perGpu } from './engine.ts';
import { weightArgs } from './weights.ts';

/** It answers reranking with a list of its own shape, so reranker models are not for it. */
export const sglang: Engine = {
  name: 'sglang',
  image: 'lmsysorg/sglang:latest',
  pattern: imageNamed('sglang'),
  binary: 'sglang',
  program: ['sglang', 'serve'],
  entry: ['python3', '-m', 'sglang.launch_server'],
  port: 30_000,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: '--enable-metrics' },
  categories: ['chat', 'embedding'],
  names: { flag: '--served-model-name' },
  usage: 'continuous',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: ({ source, servedName, category, gpus, host, port }) => [
    ...weightArgs(source, '--model-path'),
    ...['--served-model-name', servedName, '--host', host, '--port', port],
    ...perGpu('--tp-size', gpus),
    ...(category === 'embedding' ? ['--is-embedding'] : []),
    '--enable-metrics',
  ],
  note: null,
};
