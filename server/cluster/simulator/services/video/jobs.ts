import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../engine.ts';
import { hashText } from '../../random.ts';
import { Refusal } from '../../refusal.ts';
import { perEngine } from '../per-engine.ts';

export interface VideoJob {
  id: string;
  model: string;
  prompt: string;
  seed: number;
  frames: number;
  fps: number;
  status: 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled';
  willFail: boolean;
  /** Unix seconds, as `completed_at`. */
  created: number;
  completed_at: number | undefined;
  cancel: AbortController;
}

const JOBS_MAX = 64;

const jobsOf = perEngine(() => new Map<string, VideoJob>());
let jobs = 0;

/** Remembers a job and begins it once it has its turn. Of those that are over the oldest is forgotten first. */
export function startJob(
  engine: Engine,
  asked: Pick<VideoJob, 'model' | 'prompt' | 'seed' | 'frames' | 'fps' | 'willFail'>,
): VideoJob {
  const known = jobsOf(engine);
  if (known.size >= JOBS_MAX) forgetOne(known);
  const id = `video-${hashText(asked.prompt).toString(36)}-${++jobs}`;
  const now = Math.floor(Date.now() / 1000);
  const job: VideoJob = {
    ...asked,
    id,
    status: 'queued',
    created: now,
    completed_at: undefined,
    cancel: new AbortController(),
  };
  known.set(id, job);
  void work(engine, job);
  return job;
}

function forgetOne(known: Map<string, VideoJob>): void {
  const over = [...known.values()].find(({ status }) => status !== 'queued' && status !== 'processing');
  if (!over) throw new Refusal(429, `There are ${JOBS_MAX} videos under way already.`);
  known.delete(over.id);
}

export function getJob(engine: Engine, id: string | undefined): VideoJob {
  const job = jobsOf(engine).get(id ?? '');
  if (!job) throw new Refusal(404, `There is no video \`${id}\`.`);
  return job;
}

/** Ends a job that is under way; forgets one that is over. */
export function cancelJob(engine: Engine, job: VideoJob): void {
  if (job.status === 'completed' || job.status === 'failed') jobsOf(engine).delete(job.id);
  job.status = 'cancelled';
  job.cancel.abort();
}

async function work({ turns, options, print }: Engine, job: VideoJob): Promise<void> {
  const { signal } = job.cancel;
  if (!(await turns.take(signal))) return;
  job.status = 'processing';
  try {
    await sleep(options.videoMs, undefined, { signal, ref: false });
    job.status = job.willFail ? 'failed' : 'completed';
    job.completed_at = Math.floor(Date.now() / 1000);
  } catch {
    // cancelled
  } finally {
    turns.give();
    print(`INFO ${job.status} video ${job.id}: frames=${job.frames} fps=${job.fps}`);
  }
}
