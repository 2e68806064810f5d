import { forgetAtReplica, type VideoParts } from './parts.ts';
import { takeExpired } from './store.ts';

const BATCH_MAX = 100;

/** Forgets videos whose time is over, here and at their replicas; one that is still being made is given up, unbilled. */
export async function purgeExpired(parts: VideoParts): Promise<void> {
  const expired = await takeExpired(parts.db, parts.clock(), BATCH_MAX);
  await Promise.all(
    expired.map(async (job) => {
      parts.estimates.remove(job.id);
      await forgetAtReplica(parts, job);
    }),
  );
}
