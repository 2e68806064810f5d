import { json, text } from '../reply.ts';
import { isRecord, type Json } from '../rewrite.ts';
import { isRoleOnly, withChoices, withoutContinuousUsage, withRole } from './dress.ts';
import { modelList, type Personality, type Wrong } from './personality.ts';

const RUNNING = text(200, 'Ollama is running');

export const ollama: Personality = {
  summary: 'Ollama: well from the start, loads its model at the first call, no /health and no metrics',
  listensAfter: 0,
  whileLoading: 'load first',
  loading: json(503, {}),
  health: { paths: ['GET /'], well: () => RUNNING, ill: text(503, '') },
  replies: {
    'HEAD /': () => RUNNING,
    'GET /api/version': () => json(200, { version: '0.0.0-simulated' }),
    'GET /api/tags': ({ model, startedAt }) =>
      json(200, { models: [{ name: model, model, modified_at: new Date(startedAt).toISOString(), size: 0 }] }),
    'GET /api/ps': ({ model, isLoaded }) => json(200, { models: isLoaded ? [{ name: model, model }] : [] }),
    'GET /v1/models': (state) => json(200, modelList(state, 'library')),
  },
  endpoints: {
    'POST /v1/chat/completions': { service: 'POST /v1/chat/completions', answer: dress },
    'POST /v1/completions': { service: 'POST /v1/completions', answer: signed },
    'POST /v1/embeddings': { service: 'POST /v1/embeddings' },
    'POST /api/embed': { service: 'POST /v1/embeddings', answer: toVectors },
  },
  refuse,
  overload: { status: 503, message: 'server busy, please try again.  maximum pending requests exceeded' },
  unknown: () => text(404, '404 page not found'),
  checksModel: true,
};

const TYPES: Readonly<Record<number, string>> = { 400: 'invalid_request_error', 404: 'not_found_error' };

function refuse({ status, message, param }: Wrong) {
  const said =
    status === 404 && param === 'model'
      ? message.replace(/^The model `(.*)` does not exist\.$/, 'model "$1" not found, try pulling it first')
      : message;
  return json(status, { error: { message: said, type: TYPES[status] ?? 'api_error', param: null, code: null } });
}

function signed(value: Json): Json {
  return { ...value, system_fingerprint: 'fp_ollama' };
}

/** No chunk for the role alone: every one has it. */
function dress(value: Json): Json | undefined {
  if (isRoleOnly(value)) return undefined;
  return withChoices(signed(withoutContinuousUsage(value)), withRole);
}

function toVectors({ model, data, usage }: Json): Json {
  const { prompt_tokens } = isRecord(usage) ? usage : {};
  const list = Array.isArray(data) ? data.filter(isRecord) : [];
  return { model, embeddings: list.map(({ embedding }) => embedding), prompt_eval_count: prompt_tokens };
}
