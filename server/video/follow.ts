import { setTimeout as sleep } from 'node:timers/promises';
import type { VideoJobRow } from '../db/schema.ts';
import { followJob } from './follow-job.ts';
import { claimDue } from './lease.ts';
import type { VideoParts } from './parts.ts';
import { purgeExpired } from './purge.ts';

const POLL_MS = 250;
const SYNC_EVERY_MS = 2_000;
const PURGE_EVERY_MS = 60_000;
const BACK_OFF_MS = 5_000;
const CONCURRENCY = 16;
const FAILURES_MAX = 10_000;

/** The loop over videos that are under way, shared with other servers by leases. What throws is logged and tried again; it never ends the loop. */
export function startFollowing(parts: VideoParts): AsyncDisposable {
  const { db, log, clock, serverId: owner, estimates } = parts;
  const running = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  const stop = new AbortController();
  const sync = every(SYNC_EVERY_MS, () => estimates.sync());
  const purge = every(PURGE_EVERY_MS, () => purgeExpired(parts));

  const follow = async (job: VideoJobRow) => {
    try {
      const count = await followJob(parts, job, failures.get(job.id) ?? 0);
      failures.delete(job.id);
      if (failures.size >= FAILURES_MAX) failures.clear(); // of jobs that others ended meanwhile
      if (count > 0) failures.set(job.id, count);
    } catch (err) {
      log.error({ err, video: job.id }, 'a look after a video failed'); // its lease ends, then it is tried again
    } finally {
      running.delete(job.id);
    }
  };

  const turn = async () => {
    await sync();
    await purge();
    const limit = CONCURRENCY - running.size;
    const jobs = limit > 0 ? await claimDue(db, { owner, now: clock(), limit }) : [];
    for (const job of jobs) running.set(job.id, follow(job));
  };

  const turns = async () => {
    while (!stop.signal.aborted) {
      const failed = await turn().catch((err) => {
        log.error({ err }, 'videos cannot be followed');
        return true;
      });
      await sleep(failed ? BACK_OFF_MS : POLL_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  };

  const turning = turns();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await turning;
      await Promise.all(running.values());
    },
  };
}

/** Runs at once, and then not before so long after. */
function every(ms: number, run: () => Promise<void>): () => Promise<void> {
  let next = 0;
  return async () => {
    if (performance.now() < next) return;
    await run();
    next = performance.now() + ms;
  };
}
