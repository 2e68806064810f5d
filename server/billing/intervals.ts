import type { Db } from '../db/open.ts';
import type { IntervalRow } from '../db/schema.ts';
import type { GpuTime } from './price.ts';

export type NewInterval = Omit<IntervalRow, 'ended_at' | 'charged_until'>;

/** From `started_at` on a replica holds its GPUs. The first start of a replica counts, whoever reports it again. */
export async function openInterval(trx: Db, interval: NewInterval): Promise<void> {
  await trx
    .insertInto('replica_intervals')
    .values({ ...interval, ended_at: null, charged_until: interval.started_at })
    .onConflict((conflict) => conflict.column('replica_id').doNothing())
    .execute();
}

/** The replica's GPUs are free again. The first end counts, and none is before the start. */
export async function closeInterval(
  trx: Db,
  { replica_id, ended_at }: { replica_id: string; ended_at: number },
): Promise<void> {
  await trx
    .updateTable('replica_intervals')
    .set((eb) => ({
      ended_at: eb.case().when('started_at', '>', ended_at).then(eb.ref('started_at')).else(ended_at).end(),
    }))
    .where('replica_id', '=', replica_id)
    .where('ended_at', 'is', null)
    .execute();
}

/**
 * Marks all GPU time of a workload as charged, up to its end or to `now`, and gives what was not charged before. An
 * end learned late can lie before what was charged: that time comes back negative. Two callers never get the same time.
 */
export async function takeUncharged(
  trx: Db,
  { workload_id, now }: { workload_id: number; now: number },
): Promise<GpuTime[]> {
  const rows = await trx
    .selectFrom('replica_intervals')
    .selectAll()
    .where('workload_id', '=', workload_id)
    .where((eb) => eb.or([eb('ended_at', 'is', null), eb('charged_until', '!=', eb.ref('ended_at'))]))
    .orderBy('replica_id') // one order of row locks for all
    .execute();
  const taken: GpuTime[] = [];
  for (const row of rows) {
    const until = row.ended_at ?? Math.max(now, row.charged_until);
    if (!(await advance(trx, row, until))) continue;
    taken.push({ ms: until - row.charged_until, gpus: row.gpus, price_nanos: row.price_nanos });
  }
  return taken;
}

async function advance(trx: Db, { replica_id, charged_until }: IntervalRow, until: number): Promise<boolean> {
  const advanced = await trx
    .updateTable('replica_intervals')
    .set({ charged_until: until })
    .where('replica_id', '=', replica_id)
    .where('charged_until', '=', charged_until)
    .returning('replica_id')
    .executeTakeFirst();
  return advanced !== undefined;
}

/** Nano-dollars per hour of all GPUs that an account has in use. */
export async function findBurnRate(db: Db, account_id: string): Promise<bigint> {
  const rows = await db
    .selectFrom('replica_intervals')
    .select(['gpus', 'price_nanos'])
    .where('account_id', '=', account_id)
    .where('ended_at', 'is', null)
    .execute();
  return rows.reduce((sum, { gpus, price_nanos }) => sum + BigInt(gpus) * price_nanos, 0n);
}
