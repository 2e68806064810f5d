import type { Db } from '../server/db/open.ts';
import type { VideoJobRow } from '../server/db/schema.ts';
import { newId } from '../server/new-id.ts';

export const DAY_MS = 24 * 3_600_000;

/** A job that was ordered at `created_at` and is due at once. */
export function videoJob(columns: Partial<VideoJobRow> = {}): VideoJobRow {
  const created_at = columns.created_at ?? Date.now();
  return {
    id: newId('vid', created_at),
    account_id: 'acc_1',
    key_id: 'key_1',
    model: 'vendor/video',
    workload_id: null,
    status: 'queued',
    prices: null,
    estimate_nanos: 0n,
    replica_id: null,
    region: null,
    base_url: null,
    upstream_id: null,
    upstream_url: null,
    duration_ms: 2_063,
    error_code: null,
    error_message: null,
    created_at,
    completed_at: null,
    expires_at: created_at + DAY_MS,
    lease_owner: null,
    lease_expires_at: 0,
    next_at: created_at,
    ...columns,
  };
}

export const insertVideo = (db: Db, columns: Partial<VideoJobRow>): Promise<VideoJobRow> =>
  db.insertInto('video_jobs').values(videoJob(columns)).returningAll().executeTakeFirstOrThrow();
