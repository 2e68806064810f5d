import { EcoError } from './contract/index.ts';

/** A server that asks for more patience than this gets no retry; the caller sees `retryAfter`. */
export const RETRY_AFTER_MAX_SECONDS = 60;
/** Timers of JavaScript fire at once beyond it. */
export const TIMER_MAX_MS = 2 ** 31 - 1;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 8_000;

/** Milliseconds until the next attempt, or undefined if another would not help. `attempt` counts from 0. */
export function retryDelayMs(error: unknown, attempt: number, random = Math.random): number | undefined {
  if (!(error instanceof EcoError) || !mayPass(error)) return undefined;
  if (error.retryAfter !== undefined)
    return error.retryAfter <= RETRY_AFTER_MAX_SECONDS ? error.retryAfter * 1000 : undefined;
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt) * (0.5 + random() / 2);
}

function mayPass({ code, status }: EcoError): boolean {
  if (code === 'connection_error' || code === 'idempotency_in_progress') return true;
  return status === 408 || status === 429 || status >= 500;
}

/** Resolves after `ms`, rejects with `aborted` as soon as the signal says so. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal));
    const onAbort = () => {
      clearTimeout(timer);
      reject(aborted(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export function aborted(signal: AbortSignal | undefined): EcoError {
  return new EcoError('aborted', 'The request was aborted by its caller.', { status: 0, cause: signal?.reason });
}
