import type { Db } from '../db/open.ts';

export interface UsageSpan {
  account_id: string;
  /** Unix milliseconds, inclusive. */
  since: number;
  /** Unix milliseconds, exclusive. */
  until: number;
}

/** An account's requests that began in a span, found by `day`, which is indexed. */
export const usageIn = (db: Db, { account_id, since, until }: UsageSpan) =>
  db
    .selectFrom('usage_records')
    .where('account_id', '=', account_id)
    .where('day', '>=', dayAround(since, -1))
    .where('day', '<=', dayAround(until, 1))
    .where('started_at', '>=', since)
    .where('started_at', '<', until);

const DAY_MS = 86_400_000;
const LAST_DAY_MS = Date.UTC(9999, 11, 30);

/** A day beside the one of `at`: `day` comes from the id, `started_at` from the clock, and around midnight they may differ. */
const dayAround = (at: number, days: number) =>
  new Date(Math.min(at, LAST_DAY_MS) + days * DAY_MS).toISOString().slice(0, 10);
