import { counter, gauge, histogram } from '../prometheus.ts';
import { json, prometheus } from '../reply.ts';
import { withoutContinuousUsage } from './dress.ts';
import { cacheShare, modelList, type Personality, type State, type Wrong } from './personality.ts';

const ILL = json(503, { status: 'unhealthy' });
const NOT_FOUND = json(404, { detail: 'Not Found' });

export const lmdeploy: Personality = {
  summary: 'LMDeploy: errors without an envelope and OpenAI’s types, metrics only when asked for',
  listensAfter: 1,
  whileLoading: 'refuse',
  loading: ILL,
  health: { paths: ['GET /health'], well: () => json(200, { status: 'healthy' }), ill: ILL },
  replies: {
    'GET /metrics': (state) => (state.options.metrics ? prometheus(render(state)) : NOT_FOUND),
    'GET /v1/models': (state) => json(200, modelList(state, 'lmdeploy')),
  },
  endpoints: {
    'POST /v1/chat/completions': { service: 'POST /v1/chat/completions', answer: withoutContinuousUsage },
    'POST /v1/completions': { service: 'POST /v1/completions' },
  },
  refuse,
  overload: { status: 503, message: 'The engine is unavailable.' },
  unknown: () => NOT_FOUND,
  checksModel: true,
};

const TYPES: Readonly<Record<number, string>> = { 401: 'authentication_error', 404: 'not_found_error' };

function refuse({ status, message, param }: Wrong) {
  const type = TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
  return json(status, { object: 'error', message, type, code: status, param: param ?? null });
}

function render(state: State): string {
  const { metrics, turns } = state;
  const labels = { model_name: state.model, engine: '0' };
  return [
    gauge('lmdeploy:num_requests_running', turns.taken, labels),
    gauge('lmdeploy:num_requests_waiting', turns.waiting, labels),
    gauge('lmdeploy:gpu_cache_usage_perc', cacheShare(state), labels),
    counter('lmdeploy:prompt_tokens_total', metrics.promptTokens, labels),
    counter('lmdeploy:generation_tokens_total', metrics.generationTokens, labels),
    histogram('lmdeploy:time_to_first_token_seconds', metrics.firstToken, labels),
    histogram('lmdeploy:time_per_output_token_seconds', metrics.betweenTokens, labels),
  ].join('');
}
