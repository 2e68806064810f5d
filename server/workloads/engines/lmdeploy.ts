import { type Engine, imageNamed, perGpu } from './engine.ts';
import { weightArgs } from './weights.ts';

/** Which flag has to do with metrics changed between versions, from one that turns them on to one that turns them off: neither is passed. */
export const lmdeploy: Engine = {
  name: 'lmdeploy',
  image: 'openmmlab/lmdeploy:latest',
  pattern: imageNamed('lmdeploy'),
  binary: 'lmdeploy',
  program: ['lmdeploy', 'serve', 'api_server'],
  entry: ['lmdeploy', 'serve', 'api_server'],
  port: 23_333,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: null },
  categories: ['chat'],
  names: { flag: '--model-name' },
  usage: 'final',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: ({ source, servedName, gpus, host, port }) => [
    ...weightArgs(source),
    ...['--model-name', servedName, '--server-name', host, '--server-port', port],
    ...perGpu('--tp', gpus),
  ],
  note: 'Older versions need `--arg=--enable-metrics` for metrics.',
};
