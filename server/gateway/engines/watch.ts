import type { Context } from '../../context.ts';
import type { Tables } from '../tables.ts';
import { startChecks } from './checks.ts';
import { notePeak, PEAK_EVERY_MS } from './correct.ts';
import { startScraping } from './scrape.ts';

export interface Rhythm {
  /** Between two readings of an engine's metrics. */
  everyMs: number;
  /** How long what it told is of use. */
  validMs: number;
  /** How long a region stays with a server that says nothing more. */
  leaseMs: number;
}

export const RHYTHM: Rhythm = { everyMs: 2_000, validMs: 6_000, leaseMs: 10_000 };

export type EngineContext = Pick<Context, 'db' | 'changes' | 'log' | 'clock' | 'serverId'> & {
  tables: Tables;
  rhythm: Rhythm;
};

/** Keeps the health of replicas true where requests alone cannot: before the first one, and while others send some too. */
export function watchEngines(context: EngineContext): AsyncDisposable {
  const { tables, clock } = context;
  const checks = startChecks(context);
  const scraping = startScraping(context);
  const noting = setInterval(() => {
    const now = clock();
    for (const { health } of tables.ready.all()) notePeak(health, now);
  }, PEAK_EVERY_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(noting);
      await Promise.all([checks[Symbol.asyncDispose](), scraping[Symbol.asyncDispose]()]);
    },
  };
}
