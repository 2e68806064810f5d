import type { Metrics } from '../metrics.ts';
import type { SimulatorOptions } from '../options.ts';
import type { Reply } from '../reply.ts';
import type { Json } from '../rewrite.ts';
import type { Turns } from '../turns.ts';

/** How one engine answers: plain data and small pure functions. What it says about a model is written in vLLM's shape and dressed here. */
export interface Personality {
  /** For --help and the reference page. */
  summary: string;
  /** Share of its loading after which it listens: 0 from the start, 1 when it has loaded. */
  listensAfter: number;
  /** What becomes of a request while the model loads. */
  whileLoading: 'refuse' | 'serve' | 'load first';
  /** What it says to any request while it loads and refuses. */
  loading: Reply;
  health: { paths: readonly string[]; well(state: State): Reply; ill: Reply };
  /** What it tells about itself, by method and path. */
  replies: Readonly<Record<string, (state: State) => Reply>>;
  /** What of the services it has, by method and path; undefined for all of them as they are. */
  endpoints: Readonly<Record<string, Endpoint>> | undefined;
  refuse(wrong: Wrong): Reply;
  /** What it says when more requests wait than may. */
  overload: Wrong;
  unknown(method: string, path: string): Reply;
  /** Whether it refuses a name that is not its model's. */
  checksModel: boolean;
  headers?: Readonly<Record<string, string>>;
}

/** A service under a path of the engine's own. */
export interface Endpoint {
  /** As the services name it. */
  service: string;
  /** Makes of what the engine is asked what the service is asked. */
  ask?: (body: Json) => Json;
  /** Makes of what the service says what the engine says; undefined where it does not say such a thing. */
  answer?: (value: Json) => unknown;
}

export interface Wrong {
  status: number;
  message: string;
  param?: string | undefined;
}

/** What a reply may tell. */
export interface State {
  model: string;
  isLoaded: boolean;
  options: SimulatorOptions;
  metrics: Metrics;
  turns: Pick<Turns, 'taken' | 'waiting'>;
  /** Unix milliseconds. */
  startedAt: number;
}

const CACHE_TOKENS = 1_000_000;

/** Share of the cache that is in use. */
export const cacheShare = ({ metrics }: State): number => Math.min(1, metrics.cachedTokens / CACHE_TOKENS);

/** Requests that came to an end, however. */
export const finishedOf = ({ metrics }: State): number =>
  Object.values(metrics.finished).reduce((sum, count) => sum + count, 0);

export const modelList = ({ model, startedAt }: State, owned_by: string): Json => ({
  object: 'list',
  data: [{ id: model, object: 'model', created: Math.floor(startedAt / 1000), owned_by }],
});
