import type { VideoJob, VideoStatus } from '../../sdk/contract/index.ts';
import type { VideoJobRow } from '../db/schema.ts';

/** A job as its owner sees it. `origin` is where the caller reached this server: the video is fetched there. */
export function videoView(job: VideoJobRow, origin: string): VideoJob {
  const isCompleted = job.status === 'completed';
  return {
    object: 'video.job',
    id: job.id,
    model: job.model,
    status: job.status as VideoStatus,
    created: toSeconds(job.created_at),
    completed_at: job.completed_at === null ? null : toSeconds(job.completed_at),
    expires_at: toSeconds(job.expires_at),
    video_url: isCompleted ? `${origin}/v1/video/generations/${job.id}/content` : null,
    duration_seconds: isCompleted && job.duration_ms !== null ? job.duration_ms / 1000 : null,
    error:
      job.error_code === null ? null : { code: job.error_code, message: job.error_message ?? 'No reason was given.' },
  };
}

const toSeconds = (ms: number) => Math.floor(ms / 1000);
