import { formatMoney, type PageOf, type UsageRow, type usageGroups } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import { pageOf } from '../page.ts';
import { readCursor } from './cursor.ts';
import type { UnitCounts } from './price.ts';
import { type UsageSpan, usageIn } from './usage-span.ts';

type Group = Exclude<(typeof usageGroups)[number], 'request'>;

interface GroupQuery extends UsageSpan {
  by: Group;
  limit: number;
  after?: string | undefined;
}

/** Days newest first, other groups with most requests first. */
export async function reportGroups(db: Db, query: GroupQuery): Promise<PageOf<UsageRow>> {
  const rows = query.by === 'day' ? listDays(db, query) : listByRequests(db, query);
  return pageOf(
    await rows.limit(query.limit + 1).execute(),
    query.limit,
    (row) => `${row.requests}/${row.key}`,
    (row) => groupView(query.by, row),
  );
}

const CURSOR = /^(\d{1,15})\/(.+)$/;
const CURSOR_OF_NUMBER = /^(\d{1,15})\/(\d{1,15})$/;

function listDays(db: Db, query: GroupQuery) {
  const days = sumsBy(db, query).orderBy('day', 'desc');
  if (query.after === undefined) return days;
  const [, day = ''] = readCursor(query.after, CURSOR);
  return days.where('day', '<', day);
}

/** Sums move while one reads: a group whose requests grew meanwhile may be missing from the next page. */
function listByRequests(db: Db, query: GroupQuery) {
  const { by, after } = query;
  const groups = sumsBy(db, query).orderBy('requests', 'desc').orderBy(columns[by]);
  if (after === undefined) return groups;
  const [count, last = ''] = readCursor(after, by === 'workload' ? CURSOR_OF_NUMBER : CURSOR);
  const key = by === 'workload' ? Number(last) : last;
  return groups.having(({ and, eb, fn, or }) => {
    const requests = fn.countAll<number>();
    return or([eb(requests, '<', Number(count)), and([eb(requests, '=', Number(count)), eb(columns[by], '>', key)])]);
  });
}

const units = ['images', 'audio_ms', 'characters', 'documents', 'video_ms'] as const;

const columns = { day: 'day', model: 'model', key: 'key_id', workload: 'workload_id' } as const;

function sumsBy(db: Db, query: GroupQuery) {
  const column = columns[query.by];
  return usageIn(db, query)
    .select(({ cast, fn }) => [
      `${column} as key` as const,
      fn.countAll<number>().as('requests'),
      fn.max('estimated').as('estimated'),
      cast<number>(fn.sum('input_tokens'), 'bigint').as('input_tokens'),
      cast<number>(fn.sum('cached_input_tokens'), 'bigint').as('cached_input_tokens'),
      cast<number>(fn.sum('output_tokens'), 'bigint').as('output_tokens'),
      ...units.map((unit) => cast<number>(fn.sum(unit), 'bigint').as(unit)),
      cast<bigint>(fn.sum('cost_nanos'), 'bigint').as('cost_nanos'),
    ])
    .where(column, 'is not', null)
    .groupBy(column);
}

interface Sums extends UnitCounts {
  key: string | number | null;
  requests: number;
  estimated: number;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  cost_nanos: bigint;
}

const groupView = (by: Group, { key, estimated, cost_nanos, audio_ms, video_ms, ...sums }: Sums): UsageRow => ({
  object: 'usage',
  group: String(key),
  model: by === 'model' ? String(key) : null,
  key_id: by === 'key' ? String(key) : null,
  workload_id: by === 'workload' ? Number(key) : null,
  region: null,
  status: null,
  estimated: estimated === 1,
  ...sums,
  audio_seconds: audio_ms / 1000,
  video_seconds: video_ms / 1000,
  cost: formatMoney(cost_nanos),
  started_at: null,
});
