import { counter, counters, gauge, histogram } from '../prometheus.ts';
import { empty, json, prometheus } from '../reply.ts';
import { cacheShare, modelList, type Personality, type State, type Wrong } from './personality.ts';

const TYPES: Readonly<Record<number, string>> = { 400: 'BadRequestError', 404: 'NotFoundError', 429: 'RateLimitError' };

/** The default. Every service is there, whatever one model of a real vLLM could do. */
export const vllm: Personality = {
  summary: 'vLLM, with the metric names it has now; it alone serves every category',
  listensAfter: 0, // a real one listens when it has loaded: --bind late
  whileLoading: 'refuse',
  loading: {
    ...json(503, { error: vllmError({ status: 503, message: 'The model is loading.' }) }),
    headers: { 'retry-after': '1' },
  },
  health: {
    paths: ['GET /health', 'GET /ping', 'POST /ping'],
    well: ({ isLoaded }) => empty(isLoaded ? 200 : 503),
    ill: empty(503),
  },
  replies: {
    'GET /metrics': (state) =>
      prometheus(renderVllm(state, 'vllm:kv_cache_usage_perc', 'vllm:inter_token_latency_seconds')),
    'GET /v1/models': (state) => json(200, modelList(state, 'vllm')),
    'GET /version': () => json(200, { version: 'simulated' }),
  },
  endpoints: undefined,
  refuse: (wrong) => json(wrong.status, { error: vllmError(wrong) }),
  overload: { status: 503, message: 'The queue is full.' },
  unknown: () => json(404, { detail: 'Not Found' }),
  checksModel: true,
};

/** Also what SGLang and LMDeploy say, without the envelope. */
export function vllmError({ status, message, param }: Wrong) {
  return { message, type: TYPES[status] ?? 'InternalServerError', param: param ?? null, code: status };
}

export function renderVllm(state: State, cache: string, betweenTokens: string): string {
  const { metrics, turns } = state;
  const labels = { model_name: state.model, engine: '0' };
  return [
    gauge('vllm:num_requests_running', turns.taken, labels),
    gauge('vllm:num_requests_waiting', turns.waiting, labels),
    gauge(cache, cacheShare(state), labels),
    counter('vllm:prompt_tokens_total', metrics.promptTokens, labels),
    counter('vllm:generation_tokens_total', metrics.generationTokens, labels),
    counters('vllm:request_success_total', 'finished_reason', metrics.finished, labels),
    histogram('vllm:time_to_first_token_seconds', metrics.firstToken, labels),
    histogram(betweenTokens, metrics.betweenTokens, labels),
  ].join('');
}
