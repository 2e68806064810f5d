import { counter, gauge } from '../prometheus.ts';
import { json, prometheus, text } from '../reply.ts';
import { isRecord, type Json } from '../rewrite.ts';
import { hasChoices, withChoices, withoutContinuousUsage } from './dress.ts';
import { modelList, type Personality, type State, type Wrong } from './personality.ts';

const chat = { service: 'POST /v1/chat/completions', answer: dress };
const completions = { service: 'POST /v1/completions', answer: signed };
const embeddings = { service: 'POST /v1/embeddings' };
const rerank = { service: 'POST /v1/rerank' };

export const llamaCpp: Personality = {
  summary:
    'llama.cpp’s server: 503 "Loading model" from the start, metrics only when asked for, timings in its answers',
  listensAfter: 0,
  whileLoading: 'refuse',
  loading: json(503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }),
  health: {
    paths: ['GET /health', 'GET /v1/health'],
    well: () => json(200, { status: 'ok' }),
    ill: json(503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }),
  },
  replies: {
    'GET /metrics': (state) =>
      state.options.metrics
        ? prometheus(render(state))
        : refuse({ status: 501, message: 'This server does not support metrics endpoint. Start it with `--metrics`' }),
    'GET /v1/models': (state) => json(200, modelList(state, 'llamacpp')),
    'GET /models': (state) => json(200, modelList(state, 'llamacpp')),
    'GET /props': ({ model, options }) =>
      json(200, { model_alias: model, total_slots: options.maxRunning, build_info: 'simulated' }),
    'GET /slots': ({ turns, options }) =>
      json(
        200,
        Array.from({ length: Math.min(SLOTS_MAX, options.maxRunning) }, (_, id) => ({
          id,
          is_processing: id < turns.taken,
        })),
      ),
    'GET /': () => text(200, '<!doctype html><title>llama.cpp</title>', 'text/html; charset=utf-8'),
  },
  endpoints: {
    'POST /v1/chat/completions': chat,
    'POST /chat/completions': chat,
    'POST /v1/completions': completions,
    'POST /v1/embeddings': embeddings,
    'POST /embeddings': embeddings,
    'POST /v1/rerank': rerank,
    'POST /rerank': rerank,
  },
  refuse,
  overload: { status: 503, message: 'The queue is full.' },
  unknown: () => refuse({ status: 404, message: 'File Not Found' }),
  checksModel: false,
  headers: { server: 'llama.cpp' },
};

const SLOTS_MAX = 64;

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  501: 'not_supported_error',
  503: 'unavailable_error',
};

function refuse({ status, message }: Wrong) {
  return json(status, { error: { code: status, message, type: TYPES[status] ?? 'server_error' } });
}

function signed(value: Json): Json {
  return { ...value, system_fingerprint: 'b0-simulated' };
}

/** Its first chunk has no text at all, and what came last tells how long it took. */
function dress(value: Json): Json {
  const said = withChoices(signed(withoutContinuousUsage(value)), withoutEmptyText);
  return isLast(value) ? { ...said, timings: timingsOf(value) } : said;
}

function withoutEmptyText(choice: Json): Json {
  const { delta } = choice;
  return isRecord(delta) && delta.content === '' ? { ...choice, delta: { ...delta, content: null } } : choice;
}

const isLast = (value: Json) => value.object === 'chat.completion' || (!hasChoices(value) && value.usage !== undefined);

function timingsOf({ usage }: Json): Json {
  const { prompt_tokens, completion_tokens } = isRecord(usage) ? usage : {};
  return { prompt_n: prompt_tokens ?? 0, predicted_n: completion_tokens ?? 0 };
}

function render({ metrics, turns }: State): string {
  const { sumMs, count } = metrics.betweenTokens;
  return [
    counter('llamacpp:prompt_tokens_total', metrics.promptTokens),
    counter('llamacpp:tokens_predicted_total', metrics.generationTokens),
    gauge('llamacpp:predicted_tokens_seconds', count === 0 ? Number.NaN : (count / sumMs) * 1000),
    gauge('llamacpp:requests_processing', turns.taken),
    gauge('llamacpp:requests_deferred', turns.waiting),
  ].join('');
}
