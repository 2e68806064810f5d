import { counter, gauge, histogram } from '../prometheus.ts';
import { empty, json, prometheus } from '../reply.ts';
import { isRecord, type Json } from '../rewrite.ts';
import { isRoleOnly, withChoices, withoutContinuousUsage, withRole } from './dress.ts';
import { finishedOf, modelList, type Personality, type State, type Wrong } from './personality.ts';

export const tgi: Personality = {
  summary: 'Text Generation Inference: errors as a text with a type, 422 for what is wrong, the role in every chunk',
  listensAfter: 1,
  whileLoading: 'refuse',
  loading: json(503, { error: 'unhealthy', error_type: 'healthcheck' }),
  health: {
    paths: ['GET /health', 'GET /ping', 'GET /'],
    well: () => empty(200),
    ill: json(503, { error: 'unhealthy', error_type: 'healthcheck' }),
  },
  replies: {
    'GET /metrics': (state) => prometheus(render(state)),
    'GET /v1/models': (state) => json(200, modelList(state, state.model)),
    'GET /info': ({ model, options }) =>
      json(200, {
        model_id: model,
        max_concurrent_requests: options.maxRunning,
        router: 'text-generation-router',
        version: 'simulated',
      }),
  },
  endpoints: {
    'POST /v1/chat/completions': { service: 'POST /v1/chat/completions', answer: dress },
    'POST /v1/completions': { service: 'POST /v1/completions', answer: signed },
    'POST /generate': { service: 'POST /v1/chat/completions', ask: fromGenerate, answer: toGenerated },
  },
  refuse,
  overload: { status: 429, message: 'Model is overloaded' },
  unknown: () => empty(404),
  checksModel: false,
};

const TYPES: Readonly<Record<number, string>> = { 422: 'validation', 424: 'generation', 429: 'overloaded' };

/** 422 for what is wrong with the request, 424 where generation failed. */
function refuse({ status, message }: Wrong) {
  const own = status === 400 || status === 404 ? 422 : status === 500 ? 424 : status;
  const said = own === 422 ? `Input validation error: ${message}` : message;
  return json(own, { error: said, error_type: TYPES[own] ?? 'incomplete_generation' });
}

function signed(value: Json): Json {
  return { ...value, id: '', system_fingerprint: 'simulated-native' };
}

/** No chunk for the role alone: every one has it. */
function dress(value: Json): Json | undefined {
  if (isRoleOnly(value)) return undefined;
  return withChoices(signed(withoutContinuousUsage(value)), withRole);
}

function fromGenerate({ inputs, parameters }: Json): Json {
  const { max_new_tokens, stop } = isRecord(parameters) ? parameters : {};
  return { messages: [{ role: 'user', content: inputs }], max_tokens: max_new_tokens, stop };
}

/** Its own spelling of the reasons to stop. */
function toGenerated({ choices, usage }: Json): Json {
  const [first] = Array.isArray(choices) ? choices.filter(isRecord) : [];
  const message = isRecord(first?.message) ? first.message : {};
  const { completion_tokens } = isRecord(usage) ? usage : {};
  const finish_reason = first?.finish_reason === 'length' ? 'length' : 'eos_token';
  return {
    generated_text: message.content ?? '',
    details: { finish_reason, generated_tokens: completion_tokens ?? 0, seed: null, prefill: [], tokens: [] },
  };
}

function render(state: State): string {
  const { metrics, turns } = state;
  return [
    gauge('tgi_queue_size', turns.waiting),
    gauge('tgi_batch_current_size', turns.taken),
    gauge('tgi_batch_current_max_tokens', metrics.cachedTokens),
    counter('tgi_request_count', finishedOf(state) + turns.taken + turns.waiting),
    counter('tgi_request_success', finishedOf(state) - (metrics.finished.abort ?? 0)),
    counter('tgi_request_generated_tokens_sum', metrics.generationTokens),
    counter('tgi_request_input_length_sum', metrics.promptTokens),
    histogram('tgi_request_mean_time_per_token_duration', metrics.betweenTokens),
  ].join('');
}
