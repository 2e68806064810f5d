import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineLoadsRow } from '../../db/schema.ts';
import type { Replica } from '../tables.ts';
import { openAsking } from './ask.ts';
import { correct } from './correct.ts';
import { openNameCheck } from './name-check.ts';
import { addressOf, openReading } from './read-loads.ts';
import { claimRegion, decodeLoads, listLoads, publishLoads, type ReplicaLoad, releaseRegionsOf } from './store.ts';
import type { EngineContext } from './watch.ts';

const JITTER = 0.1;

/**
 * The loop over regions with ready replicas: of all servers the one that holds a region asks the engines there and
 * tells the others, which read it. What throws is logged, and the region tried again; it never ends the loop.
 */
export function startScraping(context: EngineContext): AsyncDisposable {
  const { db, tables, log, clock, serverId: owner, rhythm } = context;
  const { everyMs, validMs, leaseMs } = rhythm;
  const asking = openAsking();
  const readLoads = openReading(asking, { clock, everyMs });
  const checkNames = openNameCheck(context, asking);
  const stop = new AbortController();

  const isServing = ({ workload_id }: Replica) => {
    const instance = tables.findInstance(workload_id ?? 0);
    return instance?.kind === 'inference_instance' && instance.customApiPath === null;
  };

  const apply = (replicas: readonly Replica[], loads: readonly ReplicaLoad[]) => {
    const known = new Map(loads.map((load) => [`${load.replica_id} ${load.address}`, load]));
    for (const replica of replicas) {
      const load = known.get(`${replica.id} ${addressOf(replica)}`);
      if (load) correct(replica.health, load, { now: clock(), validMs });
    }
  };

  const holder = (region: string) => ({ region, owner, now: clock(), leaseMs });

  const holds = async (region: string, row: EngineLoadsRow | undefined): Promise<boolean> =>
    row && row.lease_expires_at > clock() ? row.lease_owner === owner : claimRegion(db, holder(region));

  const lookAfter = async (region: string, replicas: readonly Replica[], row: EngineLoadsRow | undefined) => {
    if (!(await holds(region, row))) return apply(replicas, row ? decodeLoads(row) : []);
    const [loads] = await Promise.all([readLoads(replicas), checkNames(replicas)]);
    apply(replicas, loads);
    await publishLoads(db, holder(region), loads);
  };

  const turn = async () => {
    const regions = Map.groupBy(tables.ready.all().filter(isServing), ({ region }) => region);
    if (regions.size === 0) return;
    const rows = new Map((await listLoads(db)).map((row) => [row.region, row]));
    const looks = [...regions].map(([region, replicas]) =>
      lookAfter(region, replicas, rows.get(region)).catch((err) => log.warn({ err, region }, NOT_TOLD)),
    );
    await Promise.all(looks);
  };

  const turns = async () => {
    while (!stop.signal.aborted) {
      const startedAt = performance.now();
      await turn().catch((err) => log.warn({ err }, NOT_TOLD));
      const waitMs = everyMs * (1 + JITTER * (2 * Math.random() - 1)) - (performance.now() - startedAt);
      await sleep(Math.max(0, waitMs), undefined, { signal: stop.signal }).catch(() => {});
    }
  };

  const turning = turns();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await asking[Symbol.asyncDispose](); // ends the questions that are under way
      await turning;
      await releaseRegionsOf(db, owner).catch((err) => log.warn({ err }, 'regions could not be given back'));
    },
  };
}

const NOT_TOLD = 'the load of engines could not be read or told; replicas are chosen without it';
