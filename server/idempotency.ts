import { EcoError, type Endpoint } from '../sdk/contract/index.ts';
import type { Caller } from './accounts/caller.ts';
import type { Context } from './context.ts';
import { type Db, isUniqueViolation } from './db/open.ts';
import type { IdempotencyRow } from './db/schema.ts';

interface Asked {
  caller: Caller;
  input: unknown;
  idempotencyKey: string | undefined;
}

export interface Answered {
  status: number;
  body: string;
  replayed: boolean;
}

type Slot = Pick<IdempotencyRow, 'account_id' | 'key'>;

export const KEEP_MS = 24 * 3_600_000;
/** A handler is done long before this; what is still open then belongs to a server that died. */
const ABANDONED_MS = 120_000;
const BODY_MAX_BYTES = 1024 * 1024;

/**
 * Runs `answer` once per account and Idempotency-Key: the same request again gets the first answer, another one
 * under the same key is refused. A failure frees the key, so that a retry may succeed. Answers are kept encrypted:
 * one of them may hold a new key.
 */
export async function once(
  { db, clock, serverId, secrets }: Pick<Context, 'db' | 'clock' | 'serverId' | 'secrets'>,
  { caller, input, idempotencyKey = '' }: Asked,
  endpoint: Endpoint,
  answer: () => Promise<unknown>,
): Promise<Answered> {
  const slot = { account_id: caller.type === 'account' ? caller.key.account_id : caller.type, key: idempotencyKey };
  const fingerprint = secrets.hashKey(`${endpoint.name}\n${JSON.stringify(input)}`); // keyed: the input may hold secrets

  const earlier = await claim(db, {
    ...slot,
    fingerprint,
    server_id: serverId,
    status: null,
    body: null,
    created_at: clock(),
  });
  if (earlier) return { status: 200, body: secrets.decrypt(kept(earlier, fingerprint)), replayed: true };
  try {
    const body = JSON.stringify(await answer());
    if (body.length <= BODY_MAX_BYTES) await keep(db, slot, secrets.encrypt(body));
    else await free(db, slot);
    return { status: 200, body, replayed: false };
  } catch (error) {
    await free(db, slot);
    throw error;
  }
}

/** Takes the slot, or gives the row of whoever has it. */
async function claim(db: Db, row: IdempotencyRow): Promise<IdempotencyRow | undefined> {
  await at(db.deleteFrom('idempotency_keys'), row)
    .where((eb) =>
      eb.or([
        eb('created_at', '<', row.created_at - KEEP_MS),
        eb.and([eb('status', 'is', null), eb('created_at', '<', row.created_at - ABANDONED_MS)]),
      ]),
    )
    .execute();
  try {
    await db.insertInto('idempotency_keys').values(row).execute();
    return undefined;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const earlier = await at(db.selectFrom('idempotency_keys').selectAll(), row).executeTakeFirst();
    if (!earlier) throw inProgress(); // it failed and freed the slot just now
    return earlier;
  }
}

const keep = (db: Db, slot: Slot, body: string) =>
  at(db.updateTable('idempotency_keys').set({ status: 200, body }), slot).execute();
const free = (db: Db, slot: Slot) => at(db.deleteFrom('idempotency_keys'), slot).execute();

function kept(earlier: IdempotencyRow, fingerprint: string): string {
  if (earlier.fingerprint !== fingerprint)
    throw new EcoError(
      'idempotency_mismatch',
      'This Idempotency-Key was used for another request. Use a new key for a new request.',
      {
        param: 'Idempotency-Key',
      },
    );
  if (earlier.body === null) throw inProgress();
  return earlier.body;
}

const inProgress = () =>
  new EcoError('idempotency_in_progress', 'The first request with this Idempotency-Key is still under way.', {
    retryAfter: 1,
  });

interface Filterable<Q> {
  where(column: 'account_id' | 'key', operator: '=', value: string): Q & Filterable<Q>;
}
const at = <Q>(query: Filterable<Q>, { account_id, key }: Slot): Q =>
  query.where('account_id', '=', account_id).where('key', '=', key);

/** Frees what an earlier run of the only server left open. */
export async function releaseAbandoned(db: Db): Promise<void> {
  await db.deleteFrom('idempotency_keys').where('status', 'is', null).execute();
}
