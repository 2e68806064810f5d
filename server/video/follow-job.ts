import type { VideoJobRow } from '../db/schema.ts';
import { completeJob } from './complete.ts';
import { finished, freed } from './lease.ts';
import type { VideoParts } from './parts.ts';
import { readSeen, type Seen } from './seen.ts';
import { updateOpenJob } from './store.ts';
import { locate } from './whereabouts.ts';

const LOOK_EVERY_MS = 1_000;
const BACK_OFF_MAX_MS = 30_000;

/** Looks once after a job under a lease and writes down what it saw. `failures`: looks before this one that saw nothing. Gives how many it is now. */
export async function followJob(parts: VideoParts, job: VideoJobRow, failures: number): Promise<number> {
  const seen = await look(parts, job);
  switch (seen.type) {
    case 'going':
      await lookAgain(parts, job, { status: seen.status, inMs: LOOK_EVERY_MS });
      return 0;
    case 'completed':
      await completeJob(parts, job, seen);
      return 0;
    case 'unclear':
      parts.log.info({ video: job.id, replica: job.replica_id, why: seen.why }, 'a video could not be looked after');
      await lookAgain(parts, job, { inMs: Math.min(BACK_OFF_MAX_MS, LOOK_EVERY_MS * 2 ** failures) });
      return failures + 1;
    default:
      await endJob(parts, job, seen);
      return 0;
  }
}

type Ended = Extract<Seen, { type: 'failed' | 'cancelled' | 'lost' }>;

async function look({ db, desk, engines }: VideoParts, job: VideoJobRow): Promise<Seen> {
  if (job.upstream_id === null) return ORDER_UNKNOWN;
  const found = await locate({ db, tables: desk.core.tables }, job);
  if (found.type === 'away') return { type: 'unclear', why: found.why };
  if (found.type === 'gone') return { type: 'failed', code: 'upstream_error', message: found.message };
  try {
    const { status, body } = await engines.look(found.place, job.upstream_id);
    return readSeen(status, body);
  } catch (cause) {
    return { type: 'unclear', why: `the replica cannot be reached: ${(cause as Error).message}` };
  }
}

const ORDER_UNKNOWN: Ended = {
  type: 'failed',
  code: 'upstream_error',
  message: 'The server stopped while it gave the order to a replica. Nothing was billed: order again.',
};

/** What was seen to be made is not queued again, whatever a replica says. */
async function lookAgain({ db, clock }: VideoParts, job: VideoJobRow, next: { status?: string; inMs: number }) {
  const status = next.status === 'processing' ? next.status : job.status;
  await updateOpenJob(db, job.id, { ...freed, status, next_at: clock() + next.inMs });
}

async function endJob({ db, estimates }: VideoParts, job: VideoJobRow, seen: Ended): Promise<void> {
  const { code, message } = seen.type === 'failed' ? seen : LOST;
  const ended =
    seen.type === 'cancelled'
      ? { status: 'cancelled' }
      : { status: 'failed', error_code: code, error_message: message };
  await updateOpenJob(db, job.id, { ...finished, ...ended });
  estimates.remove(job.id);
}

const LOST = {
  code: 'upstream_error',
  message: 'The replica does not know this video any more. Nothing was billed: order again.',
};
