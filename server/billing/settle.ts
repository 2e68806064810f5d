import type { Context } from '../context.ts';
import { nextChange, type Topic } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { UsageRecordRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';
import { insertUsage } from './insert-usage.ts';
import { postTransfer } from './store.ts';

export type UsageRecord = Omit<UsageRecordRow, 'transfer_id'>;

const BATCH_ROWS_MAX = 100;

/** Records and charges each request exactly once, however often it is reported, in transactions of at most 100 rows. */
export async function settleUsage(
  { db, changes, clock = Date.now }: Pick<Context, 'db' | 'changes'> & Partial<Pick<Context, 'clock'>>,
  records: readonly UsageRecord[],
): Promise<void> {
  const changed = new Set<Topic>();
  for (let start = 0; start < records.length; start += BATCH_ROWS_MAX) {
    const batch = records.slice(start, start + BATCH_ROWS_MAX);
    const topics = await db.transaction().execute((trx) => settleBatch(trx, batch, clock()));
    for (const topic of topics) changed.add(topic);
  }
  await changes.nudge(...changed);
}

/**
 * The same within a transaction of the caller's, who nudges the topics it gives once that is committed. Locks are taken
 * in one order everywhere: usage rows by id, then the topics, `keys` before `balances`.
 */
export async function settleBatch(trx: Db, batch: readonly UsageRecord[], now: number): Promise<Topic[]> {
  const charged = await insertNew(trx, batch, now);
  if (charged.length === 0) return [];
  const announced = await chargeKeys(trx, charged);
  for (const [transfer_id, rows] of Map.groupBy(charged, (row) => row.transfer_id)) {
    const [first] = rows;
    if (!first || transfer_id === null) continue;
    await postTransfer(trx, {
      id: transfer_id,
      account_id: first.account_id,
      movement: 'api_usage',
      amount_nanos: costOf(rows),
      description: rows.length === 1 ? '1 request' : `${rows.length} requests`,
      reference: first.id,
      now,
    });
  }
  return [...announced, 'balances'];
}

/**
 * Inserts what is new and gives the part of it that costs something. A transfer's id may be made up here: the rows,
 * not the transfer, say what has been charged.
 */
async function insertNew(trx: Db, batch: readonly UsageRecord[], now: number) {
  const transferIds = new Map<string, string>();
  for (const { account_id } of batch) if (!transferIds.has(account_id)) transferIds.set(account_id, newId('txn', now));
  const rows = batch
    .map((row) => ({ ...row, transfer_id: row.cost_nanos > 0n ? (transferIds.get(row.account_id) ?? null) : null }))
    .toSorted((a, b) => compare(a.day, b.day) || compare(a.id, b.id));
  const inserted = await insertUsage(trx, rows);
  return inserted.filter((row) => row.cost_nanos > 0n);
}

/**
 * Keys with a cap announce what they have spent, so that every server's keyring can stop them. Keys are written in
 * the order of their ids, and after the topic where one is announced, as all who change keys do.
 */
async function chargeKeys(trx: Db, charged: readonly { key_id: string; cost_nanos: bigint }[]): Promise<Topic[]> {
  const spent = Map.groupBy(charged, (row) => row.key_id);
  const capped = await listCapped(trx, [...spent.keys()]);
  const changed_seq = capped.size > 0 ? await nextChange(trx, 'keys') : undefined;
  for (const [id, rows] of [...spent].toSorted(([a], [b]) => compare(a, b)))
    await trx
      .updateTable('api_keys')
      .set((eb) => ({
        spent_nanos: eb('spent_nanos', '+', costOf(rows)),
        ...(changed_seq !== undefined && capped.has(id) && { changed_seq }),
      }))
      .where('id', '=', id)
      .execute();
  return capped.size > 0 ? ['keys'] : [];
}

async function listCapped(trx: Db, ids: string[]): Promise<Set<string>> {
  const rows = await trx
    .selectFrom('api_keys')
    .select('id')
    .where('id', 'in', ids)
    .where('spend_cap_nanos', 'is not', null)
    .execute();
  return new Set(rows.map((row) => row.id));
}

const costOf = (rows: readonly { cost_nanos: bigint }[]) => rows.reduce((sum, row) => sum + row.cost_nanos, 0n);
const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));
