/** What the simulator counts; each personality has its own names for it. */
export class Metrics {
  /** Tokens of running requests, prompt and answer. */
  cachedTokens = 0;
  promptTokens = 0;
  generationTokens = 0;
  readonly finished: Record<string, number> = { stop: 0, length: 0, abort: 0 };
  readonly firstToken: Timing = newTiming();
  readonly betweenTokens: Timing = newTiming();
}

/** Upper bounds in milliseconds. */
export const BUCKETS_MS = [1, 5, 10, 20, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000];

export interface Timing {
  sumMs: number;
  count: number;
  /** How many took at most so long, by `BUCKETS_MS`. */
  atMost: number[];
}

function newTiming(): Timing {
  return { sumMs: 0, count: 0, atMost: BUCKETS_MS.map(() => 0) };
}

export function note(timing: Timing, ms: number): void {
  timing.sumMs += ms;
  timing.count++;
  for (const [at, bound] of BUCKETS_MS.entries()) if (ms <= bound) timing.atMost[at] = (timing.atMost[at] ?? 0) + 1;
}
