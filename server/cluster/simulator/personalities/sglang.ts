import { counter, gauge, histogram } from '../prometheus.ts';
import { empty, json, prometheus } from '../reply.ts';
import { isRecord, type Json } from '../rewrite.ts';
import { cacheShare, finishedOf, modelList, type Personality, type State } from './personality.ts';
import { flatError } from './vllm-old.ts';

const NOT_FOUND = json(404, { detail: 'Not Found' });

export const sglang: Personality = {
  summary: 'SGLang: any model name, metrics only when asked for, nulls in every chunk',
  listensAfter: 0.75, // the weights are there, the warm-up request is not through
  whileLoading: 'serve',
  loading: empty(503),
  health: {
    paths: ['GET /health', 'GET /health_generate'],
    well: ({ isLoaded }) => empty(isLoaded ? 200 : 503),
    ill: empty(503),
  },
  replies: {
    'GET /metrics': (state) => (state.options.metrics ? prometheus(render(state)) : NOT_FOUND),
    'GET /v1/models': (state) => json(200, modelList(state, 'sglang')),
    'GET /get_model_info': ({ model }) =>
      json(200, { model_path: model, tokenizer_path: model, is_generation: true, preferred_sampling_params: null }),
  },
  endpoints: {
    'POST /v1/chat/completions': { service: 'POST /v1/chat/completions', answer: withNulls },
    'POST /v1/completions': { service: 'POST /v1/completions', answer: withNulls },
    'POST /v1/embeddings': { service: 'POST /v1/embeddings' },
    'POST /v1/rerank': { service: 'POST /v1/rerank', answer: ({ results }) => ranks(results) },
  },
  refuse: (wrong) => json(wrong.status, flatError(wrong)),
  overload: { status: 503, message: 'The request queue is full.' },
  unknown: () => NOT_FOUND,
  checksModel: false,
};

const EMPTY_DELTA = { role: null, content: null, reasoning_content: null, tool_calls: null };

/** Absent fields are told as null. */
function withNulls(value: Json): Json {
  if (!Array.isArray(value.choices)) return value;
  const choices = value.choices.map((choice) => {
    if (!isRecord(choice)) return choice;
    const delta = isRecord(choice.delta) ? { delta: { ...EMPTY_DELTA, ...choice.delta } } : {};
    return { ...choice, ...delta, matched_stop: null };
  });
  return { ...value, choices, usage: value.usage ?? null };
}

function ranks(results: unknown) {
  const list = Array.isArray(results) ? results.filter(isRecord) : [];
  return list.map(({ index, relevance_score, document }) => ({
    score: relevance_score,
    document: isRecord(document) ? (document.text ?? null) : (document ?? null),
    index,
  }));
}

function render(state: State): string {
  const { metrics, turns } = state;
  const labels = { model_name: state.model };
  return [
    gauge('sglang:num_running_reqs', turns.taken, labels),
    gauge('sglang:num_queue_reqs', turns.waiting, labels),
    gauge('sglang:token_usage', cacheShare(state), labels),
    gauge('sglang:cache_hit_rate', 0, labels),
    counter('sglang:prompt_tokens_total', metrics.promptTokens, labels),
    counter('sglang:generation_tokens_total', metrics.generationTokens, labels),
    counter('sglang:num_requests_total', finishedOf(state), labels),
    histogram('sglang:time_to_first_token_seconds', metrics.firstToken, labels),
    histogram('sglang:inter_token_latency_seconds', metrics.betweenTokens, labels),
  ].join('');
}
