import type { RequestOptions } from '../client.ts';
import { cancelVideo, createVideo, EcoError, getVideo, getVideoContent, type VideoJob } from '../contract/index.ts';
import { sleep } from '../retry.ts';
import { type InferenceRequest, patient } from './inference.ts';
import { Resource } from './resource.ts';

export interface VideoWait extends RequestOptions {
  /** In all; default 30 minutes. */
  timeoutMs?: number | undefined;
  onChange?: ((job: VideoJob) => void) | undefined;
}

const WAIT_MS = 30 * 60_000;
const POLL_MS = 1_000;

export class Videos extends Resource {
  /** Orders a video; it is `queued`. At most 5 of an account are under way: else `rate_limit_exceeded`. `POST /v1/video/generations` */
  create(input: InferenceRequest<typeof createVideo>, options?: RequestOptions): Promise<VideoJob> {
    return this.client.call(createVideo, input, options);
  }

  /** How a video is getting on; known for 24 hours. `not_found`. `GET /v1/video/generations/{id}` */
  get(id: string, options?: RequestOptions): Promise<VideoJob> {
    return this.client.call(getVideo, { id }, options);
  }

  /** The bytes of a completed video, as soon as their head is there. `conflict` before that. `GET /v1/video/generations/{id}/content` */
  content(id: string, options?: RequestOptions): Promise<Response> {
    return this.client.open(getVideoContent, { id }, patient(options));
  }

  /** Cancels a video that is not over; forgets one that is. `not_found`. `DELETE /v1/video/generations/{id}` */
  cancel(id: string, options?: RequestOptions): Promise<VideoJob> {
    return this.client.call(cancelVideo, { id }, options);
  }

  /** The job once it is completed. `video_failed` if it fails or is cancelled, `wait_timeout` at the deadline. */
  async waitUntilCompleted(
    id: string,
    { timeoutMs = WAIT_MS, onChange, ...options }: VideoWait = {},
  ): Promise<VideoJob> {
    const deadline = Date.now() + timeoutMs;
    for (let said = ''; ; ) {
      const job = await this.get(id, options);
      if (job.status !== said) onChange?.(job);
      said = job.status;
      if (job.status === 'completed') return job;
      if (job.status === 'failed' || job.status === 'cancelled') throw failed(job);
      if (Date.now() + POLL_MS > deadline) throw late(job, timeoutMs);
      await sleep(POLL_MS, options.signal);
    }
  }
}

const failed = ({ id, status, error }: VideoJob) =>
  new EcoError('video_failed', `${id} is ${status}${error ? `: ${error.message}` : '.'}`, { status: 0 });

const late = ({ id, status }: VideoJob, timeoutMs: number) =>
  new EcoError('wait_timeout', `${id} is still ${status} after ${Math.round(timeoutMs / 1000)} s.`, { status: 0 });
