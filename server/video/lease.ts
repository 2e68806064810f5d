import type { Db } from '../db/open.ts';
import type { VideoJobRow } from '../db/schema.ts';
import { OPEN } from './store.ts';

/** An order with all its tries, or a look after a job, ends before this. */
export const LEASE_MS = 45_000;

interface Claimer {
  owner: string;
  now: number;
  limit: number;
}

/**
 * Claims at most `limit` jobs that are due, oldest first. Each is taken by an update of its own that repeats the lease
 * condition once it has the row's lock: of several servers one gets it.
 */
export async function claimDue(db: Db, { owner, now, limit }: Claimer): Promise<VideoJobRow[]> {
  const due = await db
    .selectFrom('video_jobs')
    .select('id')
    .where('next_at', '<=', now)
    .where('lease_expires_at', '<=', now)
    .orderBy('next_at')
    .limit(limit)
    .execute();
  const claims: VideoJobRow[] = [];
  for (const { id } of due) {
    const claim = await claimOne(db, id, { owner, now });
    if (claim) claims.push(claim);
  }
  return claims;
}

const claimOne = (db: Db, id: string, { owner, now }: Omit<Claimer, 'limit'>): Promise<VideoJobRow | undefined> =>
  db
    .updateTable('video_jobs')
    .set({ lease_owner: owner, lease_expires_at: now + LEASE_MS })
    .where('id', '=', id)
    .where('status', 'in', OPEN)
    .where('next_at', '<=', now)
    .where('lease_expires_at', '<=', now)
    .returningAll()
    .executeTakeFirst();

export const freed = { lease_owner: null, lease_expires_at: 0 } as const;
/** Of a job that is over: nobody asks after it any more. */
export const finished = { ...freed, next_at: null } as const;

/** Frees the jobs of a server that is gone. What it was ordering when it died is due at once, and settled as unknown. */
export async function releaseJobsOf(db: Db, owner: string, now: number): Promise<void> {
  await db
    .updateTable('video_jobs')
    .set({ ...freed, next_at: now })
    .where('lease_owner', '=', owner)
    .where('status', 'in', OPEN)
    .execute();
}
