import { type Engine, imageNamed } from './engine.ts';
import { weightArgs } from './weights.ts';

/** Its reranking is `POST /rerank` in a shape of its own, so reranker models are not for it. */
export const tei: Engine = {
  name: 'tei',
  image: 'ghcr.io/huggingface/text-embeddings-inference:latest',
  pattern: imageNamed('text-embeddings-inference'),
  binary: 'text-embeddings-router',
  program: ['text-embeddings-router'],
  entry: [],
  port: 80,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: null },
  categories: ['embedding'],
  names: null,
  usage: 'none',
  gpusMax: 1,
  env: {},
  args: ({ source, servedName, host, port }) => [
    ...weightArgs(source, '--model-id'),
    ...['--served-model-name', servedName, '--hostname', host, '--port', port],
  ],
  note: 'Its images have a tag for each GPU architecture. A reranker is reached with `--custom-api-path /rerank`.',
};
