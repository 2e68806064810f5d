import { type Engine, perGpu } from './engine.ts';
import { weightArgs } from './weights.ts';

/** The model is positional since `--model` of `vllm serve` went away; `--runner pooling` is what `--task embed` and `score` were. */
export const vllm: Engine = {
  name: 'vllm',
  image: 'vllm/vllm-openai:latest',
  pattern: /(?:^|\/)vllm(?=[-:@/]|$)(?!.*-omni)/, // vLLM-Omni has arguments of its own
  binary: 'vllm',
  program: ['vllm', 'serve'],
  entry: [],
  port: 8000,
  healthPath: '/health',
  metrics: { path: '/metrics', flag: null },
  categories: ['chat', 'embedding', 'reranker', 'audio'],
  names: { flag: '--served-model-name' },
  usage: 'continuous',
  gpusMax: Number.POSITIVE_INFINITY,
  env: {},
  args: ({ source, servedName, category, gpus, host, port }) => [
    ...weightArgs(source),
    ...['--served-model-name', servedName, '--host', host, '--port', port],
    ...perGpu('--tensor-parallel-size', gpus),
    ...(category === 'embedding' || category === 'reranker' ? ['--runner', 'pooling'] : []),
  ],
  note: 'For audio it transcribes; that needs an image with the audio extra of vLLM, which the usual one does not have.',
};
