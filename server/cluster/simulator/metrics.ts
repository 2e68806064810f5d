import type { Turns } from './turns.ts';

/** What the simulator counts, under the names vLLM has for it. */
export class Metrics {
  /** Tokens of running requests, prompt and answer. */
  cachedTokens = 0;
  promptTokens = 0;
  generationTokens = 0;
  readonly finished: Record<string, number> = { stop: 0, length: 0, abort: 0 };
  readonly firstToken: Timing = { sumMs: 0, count: 0 };
  readonly betweenTokens: Timing = { sumMs: 0, count: 0 };
}

export interface Timing {
  sumMs: number;
  count: number;
}

export function note(timing: Timing, ms: number): void {
  timing.sumMs += ms;
  timing.count++;
}

const CACHE_TOKENS = 1_000_000;

/** Prometheus text. */
export function renderMetrics(metrics: Metrics, turns: Pick<Turns, 'taken' | 'waiting'>, model: string): string {
  const label = `model_name=${JSON.stringify(model)}`;
  const one = (name: string, type: string, value: number) => `# TYPE ${name} ${type}\n${name}{${label}} ${value}\n`;
  const finished = Object.entries(metrics.finished).map(
    ([reason, count]) => `vllm:request_success_total{${label},finished_reason="${reason}"} ${count}\n`,
  );
  return [
    one('vllm:num_requests_running', 'gauge', turns.taken),
    one('vllm:num_requests_waiting', 'gauge', turns.waiting),
    one('vllm:kv_cache_usage_perc', 'gauge', Math.min(1, metrics.cachedTokens / CACHE_TOKENS)),
    one('vllm:prompt_tokens_total', 'counter', metrics.promptTokens),
    one('vllm:generation_tokens_total', 'counter', metrics.generationTokens),
    '# TYPE vllm:request_success_total counter\n',
    ...finished,
    histogram('vllm:time_to_first_token_seconds', label, metrics.firstToken),
    histogram('vllm:inter_token_latency_seconds', label, metrics.betweenTokens),
  ].join('');
}

const histogram = (name: string, label: string, { sumMs, count }: Timing) =>
  `# TYPE ${name} histogram\n${name}_bucket{${label},le="+Inf"} ${count}\n` +
  `${name}_sum{${label}} ${sumMs / 1000}\n${name}_count{${label}} ${count}\n`;
