import type { SimulatorOptions } from './options.ts';
import { openRandom } from './random.ts';
import type { Turns } from './turns.ts';

/** How long each token of one request takes. */
export interface Pace {
  firstMs(): number;
  nextMs(): number;
}

/** How long so many tokens take, one after another. */
export function wholeMs(pace: Pace, tokens: number): number {
  let ms = pace.firstMs();
  for (let at = 1; at < tokens; at++) ms += pace.nextMs();
  return ms;
}

type Speed = Pick<
  SimulatorOptions,
  'ttftMs' | 'itlMs' | 'ttftJitterMs' | 'itlJitterMs' | 'timeFactorUnderLoad' | 'maxRunning'
>;

interface Conditions {
  turns: Pick<Turns, 'taken'>;
  seed: number;
  /** How many times as long as usual this one request takes. */
  factor: number;
}

/** As the options say, give or take their jitter, and the longer the more requests run. */
export function openPace(options: Speed, { turns, seed, factor }: Conditions): Pace {
  const random = openRandom(seed);
  const load = () =>
    1 + (options.timeFactorUnderLoad - 1) * Math.min(1, (turns.taken - 1) / (options.maxRunning - 1 || 1));
  const about = (ms: number, jitterMs: number) =>
    Math.max(0, ms + (random() * 2 - 1) * jitterMs) * factor * Math.max(1, load());
  return {
    firstMs: () => about(options.ttftMs, options.ttftJitterMs),
    nextMs: () => about(options.itlMs, options.itlJitterMs),
  };
}
