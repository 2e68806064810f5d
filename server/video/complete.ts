import { Prices } from '../../sdk/contract/index.ts';
import { priceUsage } from '../billing/price.ts';
import { settleBatch, type UsageRecord } from '../billing/settle.ts';
import type { VideoJobRow } from '../db/schema.ts';
import { dayOfId } from '../new-id.ts';
import { videoCounts } from './counts.ts';
import { finished } from './lease.ts';
import type { VideoParts } from './parts.ts';
import { updateOpenJob } from './store.ts';

interface Completed {
  url: string | null;
  durationMs: number | undefined;
}

/** Ends the job and charges it in one transaction, so that neither is ever there without the other. */
export async function completeJob(
  { db, changes, clock, estimates }: VideoParts,
  job: VideoJobRow,
  { url, durationMs }: Completed,
): Promise<void> {
  const now = clock();
  const topics = await db.transaction().execute(async (trx) => {
    const completed = await updateOpenJob(trx, job.id, {
      ...finished,
      status: 'completed',
      completed_at: now,
      upstream_url: url,
      ...(durationMs !== undefined && { duration_ms: durationMs }),
    });
    return completed ? settleBatch(trx, [usageOf(completed)], now) : [];
  });
  await changes.nudge(...topics);
  estimates.remove(job.id); // after the balance is known here: no moment sees neither
}

/** The record of a completed job, priced as it was ordered. It has the job's own id: a replay changes nothing. */
export function usageOf(job: VideoJobRow): UsageRecord {
  const { id, account_id, key_id, model, workload_id, region, replica_id, upstream_id } = job;
  const counts = videoCounts(job.duration_ms ?? 0);
  return {
    day: dayOfId(id),
    ...{ id, account_id, key_id, model, workload_id, region, replica_id, upstream_id },
    status: 'completed',
    streamed: 0,
    estimated: 0,
    ...counts,
    cost_nanos: job.prices === null ? 0n : priceUsage(Prices.parse(JSON.parse(job.prices)), counts),
    attempts: 1,
    started_at: job.created_at,
    first_token_ms: null,
    duration_ms: (job.completed_at ?? job.created_at) - job.created_at,
  };
}
