import type { Db } from '../../db/open.ts';

/** Regions with a ready replica, by workload. */
export async function findReadyRegions(db: Db): Promise<ReadonlyMap<number, string[]>> {
  const rows = await db
    .selectFrom('replicas')
    .select(['workload_id', 'region'])
    .distinct()
    .where('state', '=', 'ready')
    .execute();
  const regions = new Map<number, string[]>();
  for (const { workload_id, region } of rows) regions.set(workload_id, [...(regions.get(workload_id) ?? []), region]);
  return regions;
}
