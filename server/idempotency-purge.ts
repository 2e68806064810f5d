import type { Context } from './context.ts';
import { KEEP_MS } from './idempotency.ts';

const EVERY_MS = 3_600_000;

/** Forgets, every hour, the answers that nobody may ask for any more. */
export function startIdempotencyPurge({ db, clock, log }: Pick<Context, 'db' | 'clock' | 'log'>): AsyncDisposable {
  const purge = async () => {
    try {
      await db
        .deleteFrom('idempotency_keys')
        .where('created_at', '<', clock() - KEEP_MS)
        .execute();
    } catch (err) {
      log.warn({ err }, 'old idempotency keys stay for another hour');
    }
  };
  let purging = purge();
  const timer = setInterval(() => {
    purging = purging.then(purge);
  }, EVERY_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await purging;
    },
  };
}
