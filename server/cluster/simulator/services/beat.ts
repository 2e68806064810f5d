import { type Metrics, note } from '../metrics.ts';
import { pause } from '../pause.ts';
import type { Run } from './serve.ts';

/** Waits until the next token, or word, is due, and notes how long that took. False when the client left meanwhile. */
export function openBeat(metrics: Metrics, { pace, signal }: Pick<Run, 'pace' | 'signal'>): () => Promise<boolean> {
  let last = performance.now();
  let dueMs = last;
  let isFirst = true;
  return async () => {
    dueMs += isFirst ? pace.firstMs() : pace.nextMs();
    if (!(await pause(dueMs - performance.now(), signal))) return false;
    const now = performance.now();
    note(isFirst ? metrics.firstToken : metrics.betweenTokens, now - last);
    isFirst = false;
    last = now;
    return true;
  };
}
