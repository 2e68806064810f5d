import { formatMoney, type PageOf, type UsageRow, type usageGroups } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import type { UsageRecordRow } from '../db/schema.ts';
import { pageOf } from '../page.ts';
import { readCursor } from './cursor.ts';
import { reportGroups } from './usage-groups.ts';
import { type UsageSpan, usageIn } from './usage-span.ts';

export interface UsageQuery extends UsageSpan {
  group_by: (typeof usageGroups)[number];
  limit: number;
  after?: string | undefined;
}

/** Metered requests of a span of time: one by one and days newest first, other groups with most requests first. */
export function reportUsage(db: Db, query: UsageQuery): Promise<PageOf<UsageRow>> {
  return query.group_by === 'request' ? reportRequests(db, query) : reportGroups(db, { ...query, by: query.group_by });
}

async function reportRequests(db: Db, query: UsageQuery): Promise<PageOf<UsageRow>> {
  const { limit, after } = query;
  let rows = usageIn(db, query)
    .selectAll()
    .orderBy('day', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (after !== undefined) {
    const [day = '', id = ''] = readCursor(after, /^(\d{4}-\d\d-\d\d)\/(.+)$/);
    rows = rows.where(({ and, eb, or }) => or([eb('day', '<', day), and([eb('day', '=', day), eb('id', '<', id)])]));
  }
  return pageOf(await rows.execute(), limit, (row) => `${row.day}/${row.id}`, requestView);
}

const requestView = (row: UsageRecordRow): UsageRow => ({
  object: 'usage',
  group: row.id,
  model: row.model,
  key_id: row.key_id,
  workload_id: row.workload_id,
  region: row.region,
  status: row.status,
  estimated: row.estimated === 1,
  requests: 1,
  input_tokens: row.input_tokens,
  cached_input_tokens: row.cached_input_tokens,
  output_tokens: row.output_tokens,
  images: row.images,
  audio_seconds: row.audio_ms / 1000,
  characters: row.characters,
  documents: row.documents,
  video_seconds: row.video_ms / 1000,
  cost: formatMoney(row.cost_nanos),
  started_at: row.started_at,
});
