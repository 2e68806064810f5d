import { counter, gauge } from '../prometheus.ts';
import { empty, json, prometheus } from '../reply.ts';
import { isRecord, type Json } from '../rewrite.ts';
import { finishedOf, type Personality, type State, type Wrong } from './personality.ts';

export const tei: Personality = {
  summary: 'Text Embeddings Inference: /embed and /rerank of its own beside /v1/embeddings, and no list of models',
  listensAfter: 1,
  whileLoading: 'refuse',
  loading: json(503, { error: 'unhealthy', error_type: 'unhealthy' }),
  health: {
    paths: ['GET /health', 'GET /ping', 'GET /'],
    well: () => empty(200),
    ill: json(503, { error: 'unhealthy', error_type: 'unhealthy' }),
  },
  replies: {
    'GET /metrics': (state) => prometheus(render(state)),
    'GET /info': ({ model, options }) =>
      json(200, {
        model_id: model,
        served_model_name: model,
        max_concurrent_requests: options.maxRunning,
        version: 'simulated',
      }),
  },
  endpoints: {
    'POST /v1/embeddings': { service: 'POST /v1/embeddings' },
    'POST /embeddings': { service: 'POST /v1/embeddings' },
    'POST /embed': { service: 'POST /v1/embeddings', ask: ({ inputs }) => ({ input: inputs }), answer: vectorsOf },
    'POST /rerank': { service: 'POST /v1/rerank', ask: fromRerank, answer: ranksOf },
  },
  refuse,
  overload: { status: 429, message: 'Model is overloaded' },
  unknown: () => empty(404),
  checksModel: false,
};

const TYPES: Readonly<Record<number, string>> = {
  413: 'validation',
  422: 'validation',
  424: 'backend',
  429: 'overloaded',
};

/** 422 for what is wrong with the request, 424 where the model failed. */
function refuse({ status, message }: Wrong) {
  const own = status === 400 || status === 404 ? 422 : status === 500 ? 424 : status;
  const said = own === 422 ? `Input validation error: ${message}` : message;
  return json(own, { error: said, error_type: TYPES[own] ?? 'unhealthy' });
}

function vectorsOf({ data }: Json) {
  return listOf(data).map(({ embedding }) => embedding);
}

function fromRerank({ query, texts, return_text }: Json): Json {
  return { query, documents: texts, return_documents: return_text === true };
}

function ranksOf({ results }: Json) {
  return listOf(results).map(({ index, relevance_score, document }) => ({
    index,
    ...(isRecord(document) && { text: document.text }),
    score: relevance_score,
  }));
}

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function render(state: State): string {
  const { metrics, turns } = state;
  return [
    gauge('te_queue_size', turns.waiting),
    counter('te_request_count', finishedOf(state) + turns.taken + turns.waiting),
    counter('te_request_success', finishedOf(state) - (metrics.finished.abort ?? 0)),
    counter('te_embed_success', finishedOf(state) - (metrics.finished.abort ?? 0)),
  ].join('');
}
