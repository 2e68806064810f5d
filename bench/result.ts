import { z } from 'zod';
import { kinds } from './scenarios.ts';

const Latencies = z.object({
  n: z.number(),
  mean: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
});

const count = z.number();

/** What loadgen prints. */
export const Load = z.object({
  secs: z.number(),
  requests: count,
  rps: z.number(),
  mb_in_s: z.number(),
  mb_out_s: z.number(),
  latency_us: Latencies.optional(),
  tokens: count,
  tokens_s: z.number(),
  streams: count,
  ttft_us: Latencies.optional(),
  chunk_delay_us: Latencies.optional(),
  chunk_gap_us: Latencies.optional(),
  held: count.optional(),
  dropped: count.optional(),
  opened_in_s: z.number().optional(),
  rate: z.number().optional(),
  unfinished: count.optional(),
  errors: z.object({
    connect: count,
    reset: count,
    truncated: count,
    no_done: count,
    short: count,
    timeout: count,
    protocol: count,
    status: z.record(z.string(), count),
    total: count,
  }),
  first_error: z.string().optional(),
  cpu_s: z.object({ gateway: z.number(), upstream: z.number(), generator: z.number() }),
  processes: count,
  /** Seconds of a core that other programs took meanwhile, and other guests of the host. */
  foreign_s: z.number(),
  steal_s: z.number(),
});
export type Load = z.infer<typeof Load>;

/** One gateway in one scenario, once. */
export const Run = Load.extend({
  round: z.int(),
  scenario: z.string(),
  gateway: z.string(),
  /** How busy the machine was before, from 0 to 1. */
  busy_before: z.number(),
  rss_mb_before: z.number(),
  rss_mb_peak: z.number(),
  /** From the clients' leaving until the engine had no stream open; -1: never. */
  abandoned_ms: z.number().optional(),
});
export type Run = z.infer<typeof Run>;

/** Everything of one benchmark: the file that the tables are made from. */
export const Result = z.object({
  date: z.string(),
  machine: z.object({ cpu: z.string(), cores: z.int(), memory_gb: z.number(), kernel: z.string() }),
  options: z.object({ seconds: z.number(), base: z.string(), peer: z.string() }),
  gateways: z.array(z.object({ name: z.string(), version: z.string().optional(), cpus: z.string() })),
  scenarios: z.array(
    z.object({ name: z.string(), kind: z.enum(kinds), connections: z.number(), wanted: z.number().optional() }),
  ),
  runs: z.array(Run),
});
export type Result = z.infer<typeof Result>;

export const NOISY_CORES = 0.1;

/** How many cores others took during the run. */
export const foreignCores = (run: Pick<Load, 'foreign_s' | 'steal_s' | 'secs'>) =>
  (run.foreign_s + run.steal_s) / run.secs;
export const isQuiet = (run: Run) => foreignCores(run) <= NOISY_CORES;
