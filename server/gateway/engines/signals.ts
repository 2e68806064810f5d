import { parseMetrics, type Sample } from './parse-metrics.ts';

/** What an engine tells of its load; what it does not tell is unknown, never zero. */
export interface Signals {
  running: number | undefined;
  waiting: number | undefined;
  /** Share of the cache for keys and values, from 0 to 1. */
  kvUse: number | undefined;
}

type Names = Record<keyof Signals, readonly string[]>;

/** The names that engines have for it, new ones before old ones. Some versions write `_` for `:`. */
const engines: Readonly<Record<string, Names>> = {
  vllm: {
    running: ['vllm:num_requests_running'],
    waiting: ['vllm:num_requests_waiting'],
    kvUse: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
  },
  sglang: {
    running: ['sglang:num_running_reqs'],
    waiting: ['sglang:num_queue_reqs'],
    kvUse: ['sglang:token_usage'],
  },
  tgi: { running: ['tgi_batch_current_size'], waiting: ['tgi_queue_size'], kvUse: [] },
  tei: { running: [], waiting: ['te_queue_size'], kvUse: [] },
  'llama.cpp': {
    running: ['llamacpp:requests_processing'],
    waiting: ['llamacpp:requests_deferred'],
    kvUse: ['llamacpp:kv_cache_usage_ratio'],
  },
  lmdeploy: {
    running: ['lmdeploy:num_requests_running'],
    waiting: ['lmdeploy:num_requests_waiting'],
    kvUse: ['lmdeploy:gpu_cache_usage_perc'],
  },
  'tensorrt-llm': {
    running: ['trtllm_num_requests_running'],
    waiting: ['trtllm_num_requests_waiting'],
    kvUse: ['trtllm_kv_cache_utilization'],
  },
  nim: {
    running: ['num_requests_running'],
    waiting: ['num_requests_waiting'],
    kvUse: ['gpu_cache_usage_perc'],
  },
};

const spelled = (name: string) => name.replace(':', '_');
const namesOf = (signal: keyof Signals) => Object.values(engines).flatMap((names) => names[signal].map(spelled));
const names: Names = { running: namesOf('running'), waiting: namesOf('waiting'), kvUse: namesOf('kvUse') };
const known: ReadonlySet<string> = new Set(
  [...Object.values(engines), names].flatMap((each) => Object.values(each).flat()),
);

/** Reads an engine's metrics by their names: what a container runs is not always what its launch says. */
export const readSignals = (text: string): Signals => signalsOf(parseMetrics(text, (name) => known.has(name)));

/**
 * Several label sets are engines behind one address, each with its own requests and cache: requests are added, and of
 * the shares of equal caches the mean is the share of all, as the next request goes to an engine with room.
 */
export function signalsOf(samples: readonly Sample[]): Signals {
  const running = valuesOf(samples, names.running);
  const waiting = valuesOf(samples, names.waiting);
  const kvUse = valuesOf(samples, names.kvUse).filter((share) => share <= 1);
  return {
    running: running.length === 0 ? undefined : sum(running),
    waiting: waiting.length === 0 ? undefined : sum(waiting),
    kvUse: kvUse.length === 0 ? undefined : sum(kvUse) / kvUse.length,
  };
}

export const isUnknown = ({ running, waiting, kvUse }: Signals): boolean =>
  running === undefined && waiting === undefined && kvUse === undefined;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Of the first name that is there: an engine that has renamed a metric may tell it twice. */
function valuesOf(samples: readonly Sample[], wanted: readonly string[]): number[] {
  const sound = samples.filter(({ value }) => Number.isFinite(value) && value >= 0);
  const name = wanted.find((each) => sound.some((sample) => spelled(sample.name) === each));
  return sound.filter((sample) => spelled(sample.name) === name).map(({ value }) => value);
}
