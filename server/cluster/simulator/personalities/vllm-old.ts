import { empty, json, prometheus } from '../reply.ts';
import type { Personality } from './personality.ts';
import { renderVllm, vllm, vllmError } from './vllm.ts';

/** Before the metrics were renamed and errors got their envelope. */
export const vllmOld: Personality = {
  ...vllm,
  summary: 'vLLM before its metrics were renamed and errors were put into an envelope',
  listensAfter: 1,
  health: { ...vllm.health, paths: ['GET /health'], well: () => empty(200) },
  replies: {
    ...vllm.replies,
    'GET /metrics': (state) =>
      prometheus(renderVllm(state, 'vllm:gpu_cache_usage_perc', 'vllm:time_per_output_token_seconds')),
  },
  endpoints: {
    'POST /v1/chat/completions': { service: 'POST /v1/chat/completions' },
    'POST /v1/completions': { service: 'POST /v1/completions' },
    'POST /v1/embeddings': { service: 'POST /v1/embeddings' },
  },
  loading: json(503, flatError({ status: 503, message: 'The model is loading.' })),
  refuse: (wrong) => json(wrong.status, flatError(wrong)),
};

export function flatError(wrong: Parameters<typeof vllmError>[0]) {
  return { object: 'error', ...vllmError(wrong) };
}
