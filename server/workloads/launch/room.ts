import type { Evidence } from '../../cluster/driver.ts';
import type { Context } from '../../context.ts';
import type { Db } from '../../db/open.ts';
import type { WorkloadRow } from '../../db/schema.ts';
import { readStock, type Stock } from '../../regions/stock.ts';
import { within } from '../../regions/within.ts';
import { decodeSpec } from '../spec.ts';
import { lessReserved, type Reserved } from './capacity.ts';

/** GPUs that a workload already has, by region. */
type Placed = ReadonlyMap<string, number>;

/** What the regions have to give, and which launches under way have got theirs already. Read before a transaction, used in it. */
export interface Room {
  stock: Stock[];
  placed: ReadonlyMap<number, Placed>;
}

/**
 * Looks at these regions, or all where none or an unknown one is named. What has its place is read before what is free:
 * what is placed in between is counted twice.
 */
export async function readRoom(
  { db, regions }: Pick<Context, 'db' | 'regions'>,
  names?: readonly string[],
): Promise<Room> {
  const asked = names?.every((name) => regions.has(name)) ? new Set(names) : new Set(regions.keys());
  const rows = await listReserving(db);
  const observed = rows.map(async (row) => [row.id, await placedOf(row, { regions, asked })] as const);
  const placed = new Map(await Promise.all(observed));
  return { stock: await readStock(regions, asked), placed };
}

/**
 * The stock less what is promised to workloads that have not got it yet. Inside a transaction that has taken its number
 * of the topic `workloads` nobody else can promise anything meanwhile: two launches never get the same GPU.
 */
export async function readRoomLeft(trx: Db, { stock, placed }: Room): Promise<Stock[]> {
  const rows = await listReserving(trx);
  return lessReserved(
    stock,
    rows.flatMap((row) => reservedBy(row, placed.get(row.id))),
  );
}

function reservedBy(row: WorkloadRow, placed: Placed | undefined): Reserved[] {
  const { placements, replicas, gpu } = decodeSpec(row.spec);
  return placements.map(({ region }) => ({
    region,
    gpu: gpu.type,
    gpus: Math.max(0, replicas * gpu.count - (placed?.get(region) ?? 0)),
  }));
}

const RESERVING_MAX = 500;

/** Workloads whose replicas may not all have their GPUs yet. */
function listReserving(db: Db): Promise<WorkloadRow[]> {
  return db
    .selectFrom('workloads')
    .selectAll()
    .where('desired', '=', 'running')
    .where('state', '!=', 'failed')
    .where((eb) => eb.or([eb('state', '!=', 'running'), eb('observed_generation', '<', eb.ref('generation'))]))
    .orderBy('id', 'desc')
    .limit(RESERVING_MAX)
    .execute();
}

const OBSERVE_TIMEOUT_MS = 3_000;

interface Asked {
  regions: Context['regions'];
  asked: ReadonlySet<string>;
}

async function placedOf(row: WorkloadRow, { regions, asked }: Asked): Promise<Placed> {
  const { placements, gpu } = decodeSpec(row.spec);
  const counts = placements
    .filter(({ region }) => asked.has(region))
    .map(async ({ region }) => [region, (await countPlaced(row, region, regions)) * gpu.count] as const);
  return new Map(await Promise.all(counts));
}

async function countPlaced({ id, uid }: WorkloadRow, region: string, regions: Context['regions']): Promise<number> {
  const driver = regions.get(region);
  if (!driver) return 0;
  try {
    const replicas = await within(OBSERVE_TIMEOUT_MS, region, driver.observe({ workload_id: id, uid, secrets: {} }));
    return replicas.filter((replica) => replica.ended_at === null && isPlaced(replica)).length;
  } catch {
    return 0; // a region that cannot be asked offers nothing either
  }
}

const isPlaced = ({ is_placed, started_at }: Evidence) => is_placed ?? started_at !== null;
