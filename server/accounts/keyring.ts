import { EcoError, type GrantableScope } from '../../sdk/contract/index.ts';
import type { Changes } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { KeyRow } from '../db/schema.ts';
import { isWellFormedKey } from './secret-key.ts';

/** A key as the hot path needs it. */
export interface KeyEntry {
  id: string;
  account_id: string;
  name: string;
  /** Null: everything the account may do. */
  scopes: ReadonlySet<GrantableScope> | null;
  /** Null: every model. */
  allowed_models: ReadonlySet<string> | null;
  spend_cap_nanos: bigint | null;
  spent_nanos: bigint;
  expires_at: number | null;
}

/** All live keys, in memory. */
export interface Keyring {
  /**
   * The live key with this secret, or undefined, also for what is no key at all. Answers at once for keys it knows; a miss asks the database once
   * and throws `unavailable` when that is away: an outage of ours is never an invalid key.
   */
  find(secret: string): KeyEntry | undefined | Promise<KeyEntry | undefined>;
}

const HASHES_MAX = 10_000;
const MISSES_MAX = 10_000;
const MISS_TTL_MS = 2_000;
const LOOKUP_TIMEOUT_MS = 2_000;

export async function openKeyring({
  db,
  changes,
  hashKey,
  clock,
}: {
  db: Db;
  changes: Changes;
  hashKey: (secret: string) => string;
  clock: () => number;
}): Promise<Keyring> {
  const hashes = rememberHashes(hashKey);
  const byHash = new Map<string, KeyEntry>();
  const misses = new Map<string, number>();
  const pending = new Map<string, Promise<KeyEntry | undefined>>();

  const note = (row: KeyRow) => {
    misses.delete(row.hash);
    if (row.revoked_at !== null) byHash.delete(row.hash);
    else byHash.set(row.hash, entryOf(row));
  };
  const unexpired = (entry: KeyEntry | undefined) =>
    entry?.expires_at && entry.expires_at <= clock() ? undefined : entry;

  await changes.follow('keys', async (since) => {
    const rows = await db
      .selectFrom('api_keys')
      .selectAll()
      .where('changed_seq', '>', since)
      .orderBy('changed_seq')
      .execute();
    for (const row of rows) note(row);
    return rows.at(-1)?.changed_seq ?? since;
  });

  const ask = async (hash: string) => {
    const row = await deadline(db.selectFrom('api_keys').selectAll().where('hash', '=', hash).executeTakeFirst());
    if (row && row.revoked_at === null) return unexpired(entryOf(row)); // not kept: a revocation may be newer than this row
    if (misses.size >= MISSES_MAX) misses.clear();
    misses.set(hash, clock() + MISS_TTL_MS);
    return undefined;
  };

  return {
    find(secret) {
      const hash = hashes.get(secret);
      if (hash === undefined) return undefined;
      const known = byHash.get(hash);
      if (known) return unexpired(known);
      if ((misses.get(hash) ?? 0) > clock()) return undefined;
      let asked = pending.get(hash);
      if (!asked) {
        asked = ask(hash).finally(() => pending.delete(hash));
        pending.set(hash, asked);
      }
      return asked;
    },
  };
}

/** Hashes of the secrets that come again and again; undefined for what cannot be a key. */
function rememberHashes(hashKey: (secret: string) => string): { get(secret: string): string | undefined } {
  const hashes = new Map<string, string>();
  return {
    get(secret) {
      const known = hashes.get(secret);
      if (known !== undefined || !isWellFormedKey(secret)) return known;
      if (hashes.size >= HASHES_MAX) hashes.clear();
      const hash = hashKey(secret);
      hashes.set(secret, hash);
      return hash;
    },
  };
}

function entryOf(row: KeyRow): KeyEntry {
  const set = <T extends string>(json: string | null) => (json === null ? null : new Set(JSON.parse(json) as T[]));
  const { id, account_id, name, spend_cap_nanos, spent_nanos, expires_at } = row;
  return {
    id,
    account_id,
    name,
    spend_cap_nanos,
    spent_nanos,
    expires_at,
    scopes: set(row.scopes),
    allowed_models: set(row.allowed_models),
  };
}

async function deadline<T>(query: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the database did not answer in time')), LOOKUP_TIMEOUT_MS);
  });
  try {
    return await Promise.race([query, late]);
  } catch (cause) {
    throw new EcoError('unavailable', 'Keys cannot be checked right now. Try again in a moment.', {
      cause,
      retryAfter: 1,
    });
  } finally {
    clearTimeout(timer);
  }
}
