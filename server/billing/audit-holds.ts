import type { WorkloadState } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import type { IntervalRow } from '../db/schema.ts';
import { type Check, compareAmounts, type Finding } from './audit-check.ts';
import { heldOf } from './ledger.ts';

/** What is held belongs to open holds, and what has ended holds neither money nor GPUs. */
export async function checkHolds(trx: Db, now: number): Promise<Check[]> {
  const ended = await listEnded(trx, now - SETTLED_WITHIN_MS);
  return [await checkHeld(trx), await checkStaleHolds(trx, ended), await checkIntervals(trx, ended)];
}

/** Settling follows the end of the pods; for so long an ended workload may still have a hold. */
const SETTLED_WITHIN_MS = 10 * 60_000;
const endStates: WorkloadState[] = ['stopped', 'failed', 'terminated'];

/** Ids of workloads that ended before `since`. */
async function listEnded(trx: Db, since: number): Promise<Set<number>> {
  const rows = await trx
    .selectFrom('workloads')
    .select('id')
    .where('state', 'in', endStates)
    .where('since', '<', since)
    .execute();
  return new Set(rows.map((row) => row.id));
}

async function checkHeld(trx: Db): Promise<Check> {
  const open = await trx
    .selectFrom('holds')
    .select(({ cast, fn }) => ['account_id', cast<bigint>(fn.sum('amount_nanos'), 'bigint').as('sum_nanos')])
    .where('status', '=', 'open')
    .groupBy('account_id')
    .execute();
  const held = await trx.selectFrom('balances').selectAll().where('ledger_account', 'like', heldOf('%')).execute();
  return compareAmounts(
    'held',
    new Map(open.map((row) => [heldOf(row.account_id), row.sum_nanos])),
    new Map(held.map((row) => [row.ledger_account, row.amount_nanos])),
  );
}

/** A replica that still runs keeps the hold of its workload open. */
async function checkStaleHolds(trx: Db, ended: ReadonlySet<number>): Promise<Check> {
  const holds = await trx
    .selectFrom('holds')
    .selectAll()
    .where('status', '=', 'open')
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('replica_intervals as i')
            .select('i.replica_id')
            .whereRef('i.workload_id', '=', 'holds.workload_id')
            .where('i.ended_at', 'is', null),
        ),
      ),
    )
    .execute();
  const stale = holds.filter((hold) => ended.has(hold.workload_id));
  return {
    name: 'stale_hold',
    checked: holds.length,
    findings: stale.map((hold) => ({
      subject: hold.id,
      expected: `settled, as workload ${hold.workload_id} has ended`,
      found: hold.status,
    })),
  };
}

/** Only intervals that could be wrong are read: those that run backwards and those that are not fully charged. */
async function checkIntervals(trx: Db, ended: ReadonlySet<number>): Promise<Check> {
  const rows = await trx
    .selectFrom('replica_intervals')
    .selectAll()
    .where(({ eb, or, ref }) =>
      or([
        eb('ended_at', 'is', null),
        eb('ended_at', '<', ref('started_at')),
        eb('charged_until', '<', ref('started_at')),
        eb('charged_until', '!=', ref('ended_at')),
      ]),
    )
    .execute();
  return { name: 'interval', checked: rows.length, findings: rows.flatMap((row) => findingOf(row, ended) ?? []) };
}

function findingOf(row: IntervalRow, ended: ReadonlySet<number>): Finding | undefined {
  const { replica_id: subject, started_at, ended_at, charged_until } = row;
  if (ended_at !== null && ended_at < started_at)
    return { subject, expected: `an end from ${started_at} on`, found: String(ended_at) };
  if (charged_until < started_at)
    return { subject, expected: `charged from ${started_at} on`, found: String(charged_until) };
  if (!ended.has(row.workload_id)) return undefined;
  if (ended_at === null)
    return { subject, expected: `ended, as workload ${row.workload_id} has ended`, found: 'still holds its GPUs' };
  return { subject, expected: `charged until ${ended_at}`, found: String(charged_until) };
}
