import type { Health } from './health.ts';

export interface Candidate {
  health: Health;
}

/**
 * The replica with the least load that has not been tried; of equals the faster one, of equally fast ones any. Those
 * whose cache is full, that nobody has an answer of yet, or that are ejected come after all others in this order,
 * but before one that failed this very request, and rather than none.
 */
export function pickReplica<T extends Candidate>(
  candidates: readonly T[],
  { tried, now, random }: { tried: readonly Health[]; now: number; random: () => number },
): T | undefined {
  let best: T | undefined;
  let equals = 0;
  for (const candidate of candidates) {
    const order = best === undefined ? -1 : compare(candidate, best, tried, now);
    if (order > 0) continue;
    equals = order < 0 ? 1 : equals + 1;
    if (order < 0 || random() * equals < 1) best = candidate;
  }
  return best;
}

function compare(a: Candidate, b: Candidate, tried: readonly Health[], now: number): number {
  return (
    Number(tried.includes(a.health)) - Number(tried.includes(b.health)) ||
    ejection(a.health, now) - ejection(b.health, now) ||
    Number(b.health.isProven) - Number(a.health.isProven) ||
    Number(isFull(a.health, now)) - Number(isFull(b.health, now)) ||
    load(a.health, now) - load(b.health, now) ||
    speedClass(a.health, now) - speedClass(b.health, now)
  );
}

/**
 * 0: in rotation. Else when its ejection ends: the least bad is the one that comes back first. After that time one
 * request at a time probes it until one ends well.
 */
function ejection({ ejectedMs, ejectedUntil, inFlight }: Health, now: number): number {
  const isOut = ejectedMs > 0 && (ejectedUntil > now || inFlight > 0);
  return isOut ? ejectedUntil : 0;
}

const isFull = (health: Health, now: number): boolean => health.isFull && health.toldUntil > now;

/** Our own requests, and while the engine's word is fresh those that it has from others. */
const load = ({ inFlight, others, toldUntil }: Health, now: number): number =>
  toldUntil > now ? inFlight + others : inFlight;

const LATENCY_HALF_LIFE_MS = 10_000;

/** Powers of two, so that only a clear difference counts; old memories fade, so that a slow replica is tried again. */
function speedClass({ latencyMs, latencyAt }: Health, now: number): number {
  const faded = latencyMs * 0.5 ** (Math.max(0, now - latencyAt) / LATENCY_HALF_LIFE_MS);
  return faded <= 1 ? 0 : Math.round(Math.log2(faded));
}
