import { counter } from '../prometheus.ts';
import { empty, json, prometheus } from '../reply.ts';
import { cacheShare, finishedOf, type Personality, type State, type Wrong } from './personality.ts';

const embeddings = { service: 'POST /v1/embeddings' };
const rerank = { service: 'POST /v1/rerank' };

export const infinity: Personality = {
  summary: 'Infinity: its paths have no /v1, an unknown model is 400, its health tells the time',
  listensAfter: 1,
  whileLoading: 'refuse',
  loading: empty(503),
  health: { paths: ['GET /health'], well: () => json(200, { unix: Date.now() / 1000 }), ill: empty(503) },
  replies: {
    'GET /metrics': (state) => prometheus(render(state)),
    'GET /models': (state) => json(200, { data: [modelOf(state)] }),
  },
  endpoints: { 'POST /embeddings': embeddings, 'POST /rerank': rerank },
  refuse,
  overload: { status: 429, message: 'model is currently overloaded' },
  unknown: () => json(404, { detail: 'Not Found' }),
  checksModel: true,
};

/** 400 also for a model that is not there. */
function refuse({ status, message, param }: Wrong) {
  const own = status === 404 ? 400 : status;
  const said = status === 404 ? `Invalid model: ${message}` : message;
  return json(own, { error: { message: said, type: null, param: param ?? null, code: own } });
}

const modelOf = (state: State) => ({
  id: state.model,
  stats: {
    queue_fraction: cacheShare(state),
    queue_absolute: state.turns.waiting,
    results_pending: state.turns.taken,
    batch_size: state.options.maxRunning,
  },
  capabilities: ['embed', 'rerank'],
  backend: 'simulated',
});

function render(state: State): string {
  return [
    counter('http_requests_total', finishedOf(state), { handler: '/embeddings', method: 'POST', status: '2xx' }),
  ].join('');
}
