/** What the gateway knows of one replica: what it has seen with its own eyes, and what the engine told. Times are Unix milliseconds. */
export interface Health {
  /** Requests sent to it whose last byte has not come yet. */
  inFlight: number;
  /** The most that were in flight at a time since the last note in `peaks`. */
  peak: number;
  /** The same of the last seconds, oldest first; where there is none, nothing was in flight. */
  peaks: { at: number; count: number }[];
  /** It has answered this server once, so that requests may be sent there. */
  isProven: boolean;
  /** Moving average of the time to the first content. */
  latencyMs: number;
  latencyAt: number;
  /** The latest failures, oldest first. */
  failedAt: number[];
  ejectedUntil: number;
  /** How long it was ejected the last time; 0 while it has proved itself since. */
  ejectedMs: number;
  /** When a request last ended well: its connection may be used again, and may be stale. */
  servedAt: number;
  /** Requests that the engine has from others than this server. */
  others: number;
  /** Its cache has no room, and requests wait there. */
  isFull: boolean;
  /** Until when both are of use. */
  toldUntil: number;
}

export const newHealth = (): Health => ({
  inFlight: 0,
  peak: 0,
  peaks: [],
  isProven: false,
  latencyMs: 0,
  latencyAt: 0,
  failedAt: [],
  ejectedUntil: 0,
  ejectedMs: 0,
  servedAt: 0,
  others: 0,
  isFull: false,
  toldUntil: 0,
});

/** A request is on its way; `noteGone` must follow. */
export function noteSent(health: Health): void {
  health.inFlight++;
  if (health.inFlight > health.peak) health.peak = health.inFlight;
}

export function noteGone(health: Health): void {
  health.inFlight--;
}

const FAILURES_TO_EJECT = 3;
const FAILURE_WINDOW_MS = 10_000;
const EJECT_FIRST_MS = 1_000;
const EJECT_MAX_MS = 30_000;

/** A connect error, a reset, a 502–504 or a cut stream. The third within ten seconds ejects, as does a failed probe. */
export function noteFailure(health: Health, now: number): void {
  health.failedAt = [...health.failedAt.filter((at) => at > now - FAILURE_WINDOW_MS), now].slice(-FAILURES_TO_EJECT);
  const isProbe = health.ejectedMs > 0 && health.ejectedUntil <= now;
  if (!isProbe && health.failedAt.length < FAILURES_TO_EJECT) return;
  if (health.ejectedUntil > now) return; // of requests sent before the ejection
  health.ejectedMs = Math.min(health.ejectedMs === 0 ? EJECT_FIRST_MS : health.ejectedMs * 2, EJECT_MAX_MS);
  health.ejectedUntil = now + health.ejectedMs;
}

/** A request ended well: the slate is clean. */
export function noteSuccess(health: Health, now: number): void {
  health.servedAt = now;
  health.isProven = true;
  if (health.ejectedMs === 0 && health.failedAt.length === 0) return;
  health.failedAt = [];
  health.ejectedUntil = 0;
  health.ejectedMs = 0;
}

const LATENCY_WEIGHT = 0.3;

export function noteLatency(health: Health, ms: number, now: number): void {
  health.latencyMs = health.latencyAt === 0 ? ms : health.latencyMs + LATENCY_WEIGHT * (ms - health.latencyMs);
  health.latencyAt = now;
}
