import { EcoError, HOLD_HOURS } from '../../sdk/contract/index.ts';
import { nextChange } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { HoldRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';
import { takeUncharged } from './intervals.ts';
import { planRenewal, planSettlement } from './ledger.ts';
import { priceGpuTime } from './price.ts';
import { getBalanceOf, postTransfer } from './store.ts';

interface HoldOf {
  account_id: string;
  workload_id: number;
  now: number;
}

export interface HoldRequest extends HoldOf {
  amount_nanos: bigint;
  /** Stands in the account's transactions. */
  description: string;
}

/**
 * Sets money aside for a workload; 0n opens an empty hold. Throws `insufficient_balance` where less is available and
 * `conflict` where a hold is open already: the caller's transaction must then be rolled back.
 */
export async function openHold(trx: Db, request: HoldRequest): Promise<void> {
  await insertHold(trx, request, null);
}

/**
 * Charges all GPU time of the workload that was not charged yet and gives the rest of its hold back. What goes beyond
 * the hold was delivered and is taken from the balance. Settling again finds nothing to do. `used_nanos` is negative
 * where time charged before turned out not to have been used.
 */
export async function settleHold(
  trx: Db,
  { account_id, workload_id, now, description }: HoldOf & { description: string },
): Promise<{ used_nanos: bigint; released_nanos: bigint }> {
  const hold = await closeHold(trx, { account_id, workload_id, now });
  const owed_nanos = priceGpuTime(await takeUncharged(trx, { workload_id, now }));
  const source = hold?.id ?? newId('late', now);
  let released_nanos = 0n;
  for (const { movement, amount_nanos } of planSettlement({ owed_nanos, held_nanos: hold?.amount_nanos ?? 0n })) {
    if (movement === 'hold_release') released_nanos = amount_nanos;
    const id = `txn_${source}_${movement}`;
    await postTransfer(trx, {
      id,
      account_id,
      movement,
      amount_nanos,
      description,
      reference: String(workload_id),
      now,
    });
  }
  return { used_nanos: owed_nanos, released_nanos };
}

const HOLD_MS = HOLD_HOURS * 3_600_000;

/**
 * Settles the old hold and opens the next: `full_nanos` for 24 hours, or `partial`: all that is left, for as long as
 * it lasts. `depleted`: nothing is left, and no hold is open.
 */
export async function renewHold(
  trx: Db,
  { full_nanos, ...of }: HoldOf & { full_nanos: bigint },
): Promise<'renewed' | 'partial' | 'depleted'> {
  await settleHold(trx, { ...of, description: `GPU time of workload ${of.workload_id}` });
  await nextChange(trx, 'balances'); // nobody spends between this look and the hold
  const { available_nanos } = await getBalanceOf(trx, of.account_id);
  const { outcome, amount_nanos } = planRenewal({ available_nanos, full_nanos });
  if (outcome === 'depleted') return outcome;
  const share_ms = full_nanos === 0n ? HOLD_MS : Number((BigInt(HOLD_MS) * amount_nanos) / full_nanos);
  const description = `Hold for workload ${of.workload_id}, renewed`;
  await insertHold(trx, { ...of, amount_nanos, description }, of.now + share_ms);
  return outcome;
}

/** Makes the open hold `amount_nanos` in all. Throws `insufficient_balance` where the difference is not available. */
export async function adjustHold(
  trx: Db,
  { account_id, workload_id, amount_nanos, now, description }: HoldRequest,
): Promise<void> {
  const hold = await findOpenHold(trx, workload_id);
  if (!hold) throw noOpenHold(workload_id);
  const missing = amount_nanos - hold.amount_nanos;
  if (missing === 0n) return;
  const adjusted = await trx
    .updateTable('holds')
    .set({ amount_nanos })
    .where('id', '=', hold.id)
    .where('status', '=', 'open')
    .where('amount_nanos', '=', hold.amount_nanos)
    .returning('id')
    .executeTakeFirst();
  if (!adjusted) throw noOpenHold(workload_id);
  await postTransfer(trx, {
    id: newId('txn', now),
    account_id,
    movement: missing > 0n ? 'hold' : 'hold_release',
    amount_nanos: missing > 0n ? missing : -missing,
    description,
    reference: String(workload_id),
    now,
  });
}

/** The first replica runs: from now on the hold is used up, until `covers_until`. A clock that runs is left alone. */
export async function startHoldClock(
  trx: Db,
  { workload_id, covers_until }: { workload_id: number; covers_until: number },
): Promise<void> {
  await trx
    .updateTable('holds')
    .set({ covers_until })
    .where('workload_id', '=', workload_id)
    .where('status', '=', 'open')
    .where('covers_until', 'is', null)
    .execute();
}

export const findOpenHold = (db: Db, workload_id: number): Promise<HoldRow | undefined> =>
  db
    .selectFrom('holds')
    .selectAll()
    .where('workload_id', '=', workload_id)
    .where('status', '=', 'open')
    .executeTakeFirst();

async function insertHold(
  trx: Db,
  { account_id, workload_id, amount_nanos, now, description }: HoldRequest,
  covers_until: number | null,
): Promise<void> {
  const id = newId('hold', now);
  const inserted = await trx
    .insertInto('holds')
    .values({
      id,
      account_id,
      workload_id,
      amount_nanos,
      status: 'open',
      opened_at: now,
      covers_until,
      settled_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!inserted)
    throw new EcoError('conflict', `Workload ${workload_id} has money set aside already.`, {
      hint: `eco instances show ${workload_id}`,
    });
  if (amount_nanos === 0n) return;
  const reference = String(workload_id);
  await postTransfer(trx, {
    id: `txn_${id}_hold`,
    account_id,
    movement: 'hold',
    amount_nanos,
    description,
    reference,
    now,
  });
}

const CLOSE_ATTEMPTS_MAX = 20;

/**
 * Takes the open hold, or none. Of several callers one gets it: the update repeats `open` once it has the row's lock.
 * Who comes too late looks again, as a renewal may have put the next hold in its place.
 */
async function closeHold(trx: Db, { account_id, workload_id, now }: HoldOf): Promise<HoldRow | undefined> {
  for (let attempt = 0; attempt < CLOSE_ATTEMPTS_MAX; attempt++) {
    const open = await findOpenHold(trx, workload_id);
    if (!open || open.account_id !== account_id) return undefined;
    const closed = await trx
      .updateTable('holds')
      .set({ status: 'settled', settled_at: now })
      .where('id', '=', open.id)
      .where('status', '=', 'open')
      .returningAll()
      .executeTakeFirst();
    if (closed) return closed;
  }
  throw new Error(`the hold of workload ${workload_id} changed ${CLOSE_ATTEMPTS_MAX} times while it was to be settled`);
}

const noOpenHold = (workload_id: number) =>
  new EcoError('conflict', `Workload ${workload_id} has no money set aside: it is not running.`, {
    hint: `eco resume ${workload_id}`,
  });
