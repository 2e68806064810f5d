import type { PageQuery, WorkloadKind, WorkloadState } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import type { EventRow, HoldRow, ReplicaRow, WorkloadRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';

export const findWorkload = (db: Db, id: number): Promise<WorkloadRow | undefined> =>
  db.selectFrom('workloads').selectAll().where('id', '=', id).executeTakeFirst();

export type NewWorkload = Omit<WorkloadRow, 'id' | 'lease_owner' | 'lease_token' | 'lease_expires_at'>;

export const insertWorkload = (trx: Db, row: NewWorkload): Promise<WorkloadRow> =>
  trx
    .insertInto('workloads')
    .values({ ...row, lease_owner: null, lease_token: null, lease_expires_at: 0 })
    .returningAll()
    .executeTakeFirstOrThrow();

/** The workload that an earlier try of the same launch made. */
export const findLaunched = (db: Db, account_id: string, launch_key: string): Promise<WorkloadRow | undefined> =>
  db
    .selectFrom('workloads')
    .selectAll()
    .where('account_id', '=', account_id)
    .where('launch_key', '=', launch_key)
    .executeTakeFirst();

/** Takes the row's lock for the rest of the transaction and reads it under the lock. */
export const lockWorkload = (trx: Db, account_id: string, id: number): Promise<WorkloadRow> =>
  trx
    .updateTable('workloads')
    .set((eb) => ({ generation: eb.ref('generation') }))
    .where('id', '=', id)
    .where('account_id', '=', account_id)
    .returningAll()
    .executeTakeFirstOrThrow();

export const updateWorkload = (trx: Db, id: number, columns: Partial<Omit<WorkloadRow, 'id'>>): Promise<WorkloadRow> =>
  trx.updateTable('workloads').set(columns).where('id', '=', id).returningAll().executeTakeFirstOrThrow();

export interface WorkloadFilter extends PageQuery {
  kind?: WorkloadKind | undefined;
  state?: WorkloadState | undefined;
  /** Name or id of a registered model. */
  model?: string | undefined;
  /** Terminated ones too. */
  all: boolean;
}

/** Newest first; one row more than asked for tells whether there is a next page. */
export function listWorkloadRows(db: Db, account_id: string, filter: WorkloadFilter): Promise<WorkloadRow[]> {
  const { kind, state, model, all, after, limit } = filter;
  return db
    .selectFrom('workloads')
    .selectAll()
    .where('account_id', '=', account_id)
    .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? ''))
    .$if(model !== undefined, (query) =>
      query.where((eb) => eb.or([eb('name', '=', model ?? ''), eb('model_id', '=', model ?? '')])),
    )
    .$if(!all && state === undefined, (query) => query.where('state', '!=', 'terminated'))
    .$if(after !== undefined, (query) => query.where('id', '<', Number(after)))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
}

const NAMES_MAX = 500;

/** Newest first, those that are not terminated yet. */
export const listLiveNames = (db: Db, account_id: string): Promise<Pick<WorkloadRow, 'id' | 'name' | 'desired'>[]> =>
  db
    .selectFrom('workloads')
    .select(['id', 'name', 'desired'])
    .where('account_id', '=', account_id)
    .where('state', '!=', 'terminated')
    .orderBy('id', 'desc')
    .limit(NAMES_MAX)
    .execute();

export const listLiveReplicas = (db: Db, workload_ids: readonly number[]): Promise<ReplicaRow[]> =>
  db
    .selectFrom('replicas')
    .selectAll()
    .where('workload_id', 'in', workload_ids)
    .where('state', '!=', 'gone')
    .orderBy('id')
    .execute();

export const listOpenHolds = (db: Db, workload_ids: readonly number[]): Promise<HoldRow[]> =>
  db.selectFrom('holds').selectAll().where('workload_id', 'in', workload_ids).where('status', '=', 'open').execute();

/** In order of id; those that are gone only if asked. */
export function listReplicaRows(
  db: Db,
  workload_id: number,
  { all, after, limit }: PageQuery & { all: boolean },
): Promise<ReplicaRow[]> {
  return db
    .selectFrom('replicas')
    .selectAll()
    .where('workload_id', '=', workload_id)
    .$if(!all, (query) => query.where('state', '!=', 'gone'))
    .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
    .orderBy('id')
    .limit(limit + 1)
    .execute();
}

/** Replicas that a pass must compare with what it saw: all that are not gone, and those it saw. */
export const listReplicasToCompare = (db: Db, workload_id: number, seen: readonly string[]): Promise<ReplicaRow[]> =>
  db
    .selectFrom('replicas')
    .selectAll()
    .where('workload_id', '=', workload_id)
    .where((eb) => eb.or([eb('state', '!=', 'gone'), eb('id', 'in', seen)]))
    .execute();

export const saveReplica = (trx: Db, row: ReplicaRow): Promise<unknown> =>
  trx
    .insertInto('replicas')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();

export type NewEvent = Pick<EventRow, 'type' | 'reason' | 'message' | 'actor'>;

/** Notes what happened, in the order given: ids of one call sort as its events do. */
export async function insertEvents(
  trx: Db,
  { id, account_id }: Pick<WorkloadRow, 'id' | 'account_id'>,
  at: number,
  events: readonly NewEvent[],
): Promise<void> {
  const ids = events.map(() => newId('evt', at)).toSorted();
  const rows = events.map((event, index) => ({
    ...event,
    id: ids[index] ?? newId('evt', at),
    workload_id: id,
    account_id,
    at,
  }));
  if (rows.length > 0) await trx.insertInto('events').values(rows).execute();
}

/** Newest first. */
export function listEventRows(db: Db, workload_id: number, { after, limit }: PageQuery): Promise<EventRow[]> {
  return db
    .selectFrom('events')
    .selectAll()
    .where('workload_id', '=', workload_id)
    .$if(after !== undefined, (query) => query.where('id', '<', after ?? ''))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
}

/** Oldest first, from a time on. */
export const listEventsSince = (db: Db, workload_id: number, since: number, limit: number): Promise<EventRow[]> =>
  db
    .selectFrom('events')
    .selectAll()
    .where('workload_id', '=', workload_id)
    .where('at', '>=', since)
    .orderBy('id')
    .limit(limit)
    .execute();

/** Uids of the workloads among these ids that may have replicas: what has none of them is nobody's. */
export async function listUids(db: Db, ids: readonly number[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('workloads')
    .select('uid')
    .where('id', 'in', ids)
    .where('next_at', 'is not', null)
    .execute();
  return new Set(rows.map(({ uid }) => uid));
}

/** Ids of all workloads that something is left to do for. */
export async function listUnsettled(db: Db): Promise<number[]> {
  const rows = await db.selectFrom('workloads').select('id').where('next_at', 'is not', null).orderBy('id').execute();
  return rows.map((row) => row.id);
}
