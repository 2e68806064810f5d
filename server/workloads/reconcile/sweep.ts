import type { ClusterDriver } from '../../cluster/driver.ts';
import type { Context } from '../../context.ts';
import { within } from '../../regions/within.ts';
import { listUids } from '../store.ts';

const EVERY_MS = 60_000;
export const ORPHAN_GRACE_MS = 10 * 60_000;
const CALL_TIMEOUT_MS = 10_000;

type SweepContext = Pick<Context, 'db' | 'regions' | 'log' | 'clock'>;

/** When each orphan was first seen, by region and uid. */
export type Orphans = Map<string, number>;

/** Looks every minute for replicas that no row stands for. */
export function startSweep(context: SweepContext): AsyncDisposable {
  const orphans: Orphans = new Map();
  let sweeping: Promise<void> = Promise.resolve();
  const sweepAll = async () =>
    void (await Promise.all([...context.regions.values()].map((driver) => sweepRegion(context, driver, orphans))));
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweepAll);
  }, EVERY_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await sweeping;
    },
  };
}

/** Ends what has had no row of its uid for the grace period. Gives how many. A region that cannot be asked is asked next time. */
export async function sweepRegion(
  { db, log, clock }: Omit<SweepContext, 'regions'>,
  driver: ClusterDriver,
  orphans: Orphans,
): Promise<number> {
  const { region } = driver;
  try {
    const found = await within(CALL_TIMEOUT_MS, region, driver.list());
    const uids = await listUids(
      db,
      found.map(({ workload_id }) => workload_id),
    );
    const orphaned = found.filter(({ uid }) => !uids.has(uid));
    const due = overdue(orphans, { region, uids: orphaned.map(({ uid }) => uid), now: clock() });
    const ended = orphaned.filter(({ uid }) => due.has(uid));
    for (const orphan of ended) await within(CALL_TIMEOUT_MS, region, driver.destroy(orphan));
    if (ended.length > 0) log.warn({ region, orphans: ended }, 'replicas without a workload were ended');
    return ended.length;
  } catch (err) {
    log.warn({ err, region }, 'a region could not be swept');
    return 0;
  }
}

interface Sighting {
  region: string;
  uids: readonly string[];
  now: number;
}

/** Notes first sightings, forgets what is no orphan any more, and gives the uids whose grace is over. */
function overdue(orphans: Orphans, { region, uids, now }: Sighting): Set<string> {
  const keyOf = (uid: string) => `${region} ${uid}`;
  const current = new Set(uids.map(keyOf));
  for (const key of orphans.keys()) if (key.startsWith(`${region} `) && !current.has(key)) orphans.delete(key);
  for (const key of current) if (!orphans.has(key)) orphans.set(key, now);
  return new Set(uids.filter((uid) => now - (orphans.get(keyOf(uid)) ?? now) >= ORPHAN_GRACE_MS));
}
