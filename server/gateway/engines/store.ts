import { z } from 'zod';
import { nextChange } from '../../db/changes.ts';
import type { Db } from '../../db/open.ts';
import type { EngineLoadsRow, WorkloadRow } from '../../db/schema.ts';
import { insertEvents, lockWorkload, type NewEvent, updateWorkload } from '../../workloads/store.ts';

const ReplicaLoad = z.object({
  replica_id: z.string(),
  /** `host:port`: a replica that was started again is another one. */
  address: z.string(),
  /** Unix milliseconds. */
  asked_at: z.number(),
  told_at: z.number(),
  running: z.number().optional(),
  waiting: z.number().optional(),
  kv_use: z.number().optional(),
});
/** What one engine told of its load. */
export type ReplicaLoad = z.infer<typeof ReplicaLoad>;

export const listLoads = (db: Db): Promise<EngineLoadsRow[]> => db.selectFrom('engine_loads').selectAll().execute();

/** Of a row that another version wrote nothing is known. */
export function decodeLoads({ loads }: Pick<EngineLoadsRow, 'loads'>): ReplicaLoad[] {
  return z.array(ReplicaLoad).safeParse(JSON.parse(loads)).data ?? [];
}

interface Holder {
  region: string;
  owner: string;
  now: number;
  leaseMs: number;
}

/** Takes a region that nobody holds: of several servers one gets it. */
export async function claimRegion(db: Db, { region, owner, now, leaseMs }: Holder): Promise<boolean> {
  const lease = { lease_owner: owner, lease_expires_at: now + leaseMs };
  const row = await db
    .insertInto('engine_loads')
    .values({ region, ...lease, loads: '[]' })
    .onConflict((conflict) =>
      conflict.column('region').doUpdateSet(lease).where('engine_loads.lease_expires_at', '<=', now),
    )
    .returning('region')
    .executeTakeFirst();
  return row !== undefined;
}

/** Tells the other servers, and holds the region on. False when it has another holder. */
export async function publishLoads(
  db: Db,
  { region, owner, now, leaseMs }: Holder,
  loads: readonly ReplicaLoad[],
): Promise<boolean> {
  const row = await db
    .updateTable('engine_loads')
    .set({ loads: JSON.stringify(loads), lease_expires_at: now + leaseMs })
    .where('region', '=', region)
    .where('lease_owner', '=', owner)
    .returning('region')
    .executeTakeFirst();
  return row !== undefined;
}

/** Gives all regions of a server back: it goes, or is gone. */
export async function releaseRegionsOf(db: Db, owner: string): Promise<void> {
  await db
    .updateTable('engine_loads')
    .set({ lease_owner: null, lease_expires_at: 0 })
    .where('lease_owner', '=', owner)
    .execute();
}

/** Notes an event unless the workload has just this one already. Gives whether it was new. */
export async function insertEventOnce(
  trx: Db,
  { id, account_id }: Pick<WorkloadRow, 'id' | 'account_id'>,
  { now, event }: { now: number; event: NewEvent },
): Promise<boolean> {
  await lockWorkload(trx, account_id, id);
  const known = await trx
    .selectFrom('events')
    .select('id')
    .where('workload_id', '=', id)
    .where('reason', '=', event.reason)
    .where('message', '=', event.message)
    .executeTakeFirst();
  if (known) return false;
  await insertEvents(trx, { id, account_id }, now, [event]);
  await updateWorkload(trx, id, { changed_seq: await nextChange(trx, 'workloads') }); // wakes who follows its events
  return true;
}
