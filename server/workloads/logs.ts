import { EcoError, type LogLine } from '../../sdk/contract/index.ts';
import type { LogQuery } from '../cluster/driver.ts';
import type { Context } from '../context.ts';
import type { WorkloadRow } from '../db/schema.ts';
import { mergeByTime } from './merge-by-time.ts';
import { decodeSpec } from './spec.ts';
import { listReplicaRows } from './store.ts';
import { refOf } from './view.ts';

/** Lines of all replicas in the order of time; those of a region that cannot be asked are one line that says so. Secrets of the launch are masked. */
export async function* readLogsOf(
  context: Pick<Context, 'db' | 'regions' | 'secrets' | 'clock'>,
  row: WorkloadRow,
  { query, signal }: { query: LogQuery; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const regions = await regionsOf(context, row, query.replica);
  const mask = maskOf(secretValues(context, row));
  const ending = new AbortController();
  const sources = regions.map((region) =>
    linesOf(context, row, { region, query, signal: AbortSignal.any([signal, ending.signal]) }),
  );
  try {
    for await (const line of mergeByTime(sources, {
      patienceMs: query.follow ? FOLLOW_PATIENCE_MS : Number.POSITIVE_INFINITY,
    }))
      yield { ...line, text: mask(line.text) };
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
  { regions, clock }: Pick<Context, 'regions' | 'clock'>,
  { id, uid }: WorkloadRow,
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
    yield* driver.logs({ workload_id: id, uid }, query, signal);
  } catch (error) {
    if (!signal.aborted)
      yield note(`the logs of ${region} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function secretValues({ secrets }: Pick<Context, 'secrets'>, { secrets_encrypted }: WorkloadRow): string[] {
  if (secrets_encrypted === null) return [];
  return Object.values(JSON.parse(secrets.decrypt(secrets_encrypted)) as Record<string, string>);
}

/** Shorter values would mask ordinary words. */
const MASKED_CHARS_MIN = 6;

function maskOf(values: readonly string[]): (text: string) => string {
  const masked = values.filter(({ length }) => length >= MASKED_CHARS_MIN).toSorted((a, b) => b.length - a.length);
  return (text) => masked.reduce((clean, value) => clean.replaceAll(value, '[secret]'), text);
}
