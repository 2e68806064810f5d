import type { Health } from '../health.ts';
import type { ReplicaLoad } from './store.ts';

export const PEAK_EVERY_MS = 250;
const PEAKS_KEPT_MS = 10_000;
/** Engines tell what they had a moment ago, and clocks of servers differ. */
const BEFORE_MS = 2_000;
const AFTER_MS = 500;
const FULL_KV = 0.95;

/** Takes down how many were in flight since the last time. To be called every quarter of a second. */
export function notePeak(health: Health, now: number): void {
  if (health.peak === 0 && health.peaks.length === 0) return;
  const kept = health.peaks.filter(({ at }) => at > now - PEAKS_KEPT_MS);
  health.peaks = health.peak === 0 ? kept : [...kept, { at: now, count: health.peak }];
  health.peak = health.inFlight;
}

/**
 * Corrects our own count by what the engine told: whatever it runs and has waiting beyond the most that we had there
 * at that time is the load of others. Never lowers our count, and what is unknown adds nothing.
 */
export function correct(health: Health, load: ReplicaLoad, { now, validMs }: { now: number; validMs: number }): void {
  const { asked_at, running = 0, waiting = 0, kv_use = 0 } = load;
  const toldUntil = Math.min(asked_at, now) + validMs; // clocks of servers differ
  if (toldUntil <= health.toldUntil) return; // known already
  health.others = Math.max(0, running + waiting - mostOfOurs(health, load, now));
  health.isFull = kv_use >= FULL_KV && waiting > 0;
  health.toldUntil = toldUntil;
}

function mostOfOurs({ peak, peaks }: Health, { asked_at, told_at }: ReplicaLoad, now: number): number {
  const from = asked_at - BEFORE_MS;
  const to = told_at + AFTER_MS + PEAK_EVERY_MS; // a peak lies up to so long before its note
  const counts = peaks.filter(({ at }) => at >= from && at <= to).map(({ count }) => count);
  return Math.max(0, ...counts, ...(now <= to ? [peak] : []));
}
