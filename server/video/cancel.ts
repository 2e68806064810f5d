import type { VideoJobRow } from '../db/schema.ts';
import { finished } from './lease.ts';
import { forgetAtReplica, type VideoParts } from './parts.ts';
import { deleteJob, findJob, OPEN, updateOpenJob } from './store.ts';

/** Cancels a job that is not over, unbilled; one that is, it forgets. Gives it as it then is, or last was. */
export async function cancelJob(parts: VideoParts, job: VideoJobRow): Promise<VideoJobRow> {
  return OPEN.includes(job.status) ? endOpen(parts, job) : forget(parts, job);
}

async function endOpen(parts: VideoParts, job: VideoJobRow): Promise<VideoJobRow> {
  const cancelled = await updateOpenJob(parts.db, job.id, { ...finished, status: 'cancelled' });
  if (!cancelled) return (await findJob(parts.db, { ...job, now: parts.clock() })) ?? job; // it ended at this very moment
  parts.estimates.remove(job.id);
  await forgetAtReplica(parts, cancelled);
  return cancelled;
}

async function forget(parts: VideoParts, job: VideoJobRow): Promise<VideoJobRow> {
  await deleteJob(parts.db, job.id);
  await forgetAtReplica(parts, job);
  return job;
}
