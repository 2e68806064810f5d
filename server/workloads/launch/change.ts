import { EcoError, type Workload } from '../../../sdk/contract/index.ts';
import { type Actor, recordAudit } from '../../accounts/audit-log.ts';
import type { Context } from '../../context.ts';
import { nextChange } from '../../db/changes.ts';
import type { Db } from '../../db/open.ts';
import type { WorkloadRow } from '../../db/schema.ts';
import { getByRef } from '../find-by-ref.ts';
import { insertEvents, lockWorkload, updateWorkload } from '../store.ts';
import { readView, refOf } from '../view.ts';

/** What a verb makes of a row, decided under its lock. */
export interface Change {
  columns: Partial<WorkloadRow>;
  /** For the event and the audit log. */
  action: string;
  message: string;
  detail?: unknown;
  /** Money and room: runs in the same transaction, after the topic `workloads` is taken; what it throws undoes all. */
  within?(trx: Db): Promise<void>;
}

export interface Asked {
  ref: string;
  accountId: string;
  actor: Actor;
}

/**
 * Asks for something else of a workload: locks the row, lets `decide` say what changes, writes that with a new
 * generation, an event and an audit entry, and wakes the loop. `decide` gives undefined where all is as asked already.
 */
export async function changeWorkload(
  { db, clock, changes, reconciler }: Pick<Context, 'db' | 'clock' | 'changes' | 'reconciler'>,
  { ref, accountId, actor }: Asked,
  decide: (row: WorkloadRow, now: number) => Change | undefined,
): Promise<Workload> {
  const { id } = await getByRef(db, accountId, ref);
  const changed = await db.transaction().execute(async (trx) => {
    const row = await lockWorkload(trx, accountId, id);
    const now = clock();
    const change = decide(row, now);
    return change && applyChange(trx, { row, change, actor, now });
  });
  if (!changed) return readView(db, await getByRef(db, accountId, String(id)));
  await changes.nudge('workloads', 'balances');
  reconciler.nudge(id);
  return readView(db, changed);
}

interface Applied {
  row: WorkloadRow;
  change: Change;
  actor: Actor;
  now: number;
}

async function applyChange(trx: Db, { row, change, actor, now }: Applied): Promise<WorkloadRow> {
  const changed_seq = await nextChange(trx, 'workloads');
  await change.within?.(trx);
  const { action, message, detail, columns } = change;
  await insertEvents(trx, row, now, [{ type: 'normal', reason: action, message, actor: actor.id }]);
  const target = String(row.id);
  await recordAudit(trx, {
    account_id: row.account_id,
    actor,
    action: `workload.${action}`,
    target,
    detail,
    at: now,
  });
  return updateWorkload(trx, row.id, {
    next_at: now,
    ...columns,
    generation: row.generation + 1,
    revision: row.revision + 1,
    changed_seq,
  });
}

/** Throws `conflict`: what is terminated stays so. */
export function refuseTerminated(row: WorkloadRow): void {
  if (row.desired !== 'terminated') return;
  throw new EcoError('conflict', `${refOf(row)} was terminated, and that is final. Launch it anew.`, {
    param: 'workload',
    hint: `eco instances launch ${row.name}`,
  });
}
