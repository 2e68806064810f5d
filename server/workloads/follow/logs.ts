import { EcoError, type LogLine } from '../../../sdk/contract/index.ts';
import type { LogQuery } from '../../cluster/driver.ts';
import type { Context } from '../../context.ts';
import type { WorkloadRow } from '../../db/schema.ts';
import { secretsOf } from '../secrets-of.ts';
import { decodeSpec } from '../spec.ts';
import { listReplicaRows } from '../store.ts';
import { refOf } from '../view.ts';
import { mergeByTime } from './merge-by-time.ts';

/** Lines of all replicas in the order of time; those of a region that cannot be asked are one line that says so. */
export async function* readLogsOf(
  context: Pick<Context, 'db' | 'regions' | 'clock' | 'secrets'>,
  row: WorkloadRow,
  { query, signal }: { query: LogQuery; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const regions = await regionsOf(context, row, query.replica);
  const ending = new AbortController();
  const sources = regions.map((region) =>
    linesOf(context, row, { region, query, signal: AbortSignal.any([signal, ending.signal]) }),
  );
  try {
    yield* mergeByTime(sources, { patienceMs: query.follow ? FOLLOW_PATIENCE_MS : Number.POSITIVE_INFINITY });
  } finally {
    ending.abort();
  }
}

/** So long a line waits for an earlier one of another region. */
const FOLLOW_PATIENCE_MS = 200;
const REPLICAS_MAX = 500;

async function regionsOf(
  { db }: Pick<Context, 'db'>,
  row: WorkloadRow,
  replica: string | undefined,
): Promise<string[]> {
  const all = decodeSpec(row.spec).placements.map(({ region }) => region);
  if (replica === undefined) return all;
  const rows = await listReplicaRows(db, row.id, { all: true, limit: REPLICAS_MAX });
  const found = rows.find(({ id }) => id === replica);
  if (found) return [found.region];
  const known = rows
    .filter(({ state }) => state !== 'gone')
    .map(({ id }) => id)
    .join(', ');
  throw new EcoError('not_found', `${refOf(row)} has no replica "${replica}". It has: ${known || 'none'}.`, {
    param: 'replica',
    hint: `eco logs ${row.id}`,
  });
}

interface Asked {
  region: string;
  query: LogQuery;
  signal: AbortSignal;
}

async function* linesOf(
  { regions, clock, secrets }: Pick<Context, 'regions' | 'clock' | 'secrets'>,
  row: WorkloadRow,
  { region, query, signal }: Asked,
): AsyncGenerator<LogLine> {
  const note = (text: string): LogLine => ({
    replica: region,
    region,
    at: clock(),
    stream: 'stderr',
    text: `[ecolink] ${text}`,
  });
  const driver = regions.get(region);
  if (!driver) return yield note(`${region} is not configured: its logs cannot be read.`);
  try {
    yield* driver.logs({ workload_id: row.id, uid: row.uid, secrets: secretsOf(secrets, row) }, query, signal);
  } catch (error) {
    if (!signal.aborted)
      yield note(`the logs of ${region} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}
