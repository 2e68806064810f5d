import type { Context } from '../context.ts';
import type { VideoJobRow } from '../db/schema.ts';
import type { Desk } from '../gateway/serve.ts';
import type { Engines } from './engines.ts';
import type { Estimates } from './estimates.ts';
import { locate } from './whereabouts.ts';

/** What videos need from the order to the last byte. */
export type VideoParts = Pick<Context, 'db' | 'changes' | 'clock' | 'log' | 'serverId'> & {
  desk: Desk;
  engines: Engines;
  estimates: Estimates;
};

/** Tells the replica to forget a job, or to stop making it. What it does not hear costs GPU time, never money. */
export async function forgetAtReplica({ db, desk, engines, log }: VideoParts, job: VideoJobRow): Promise<void> {
  if (job.upstream_id === null) return;
  try {
    const found = await locate({ db, tables: desk.core.tables }, job);
    if (found.type === 'there') await engines.remove(found.place, job.upstream_id);
  } catch (err) {
    log.info({ err, video: job.id, replica: job.replica_id }, 'a replica could not be told to drop a video');
  }
}
