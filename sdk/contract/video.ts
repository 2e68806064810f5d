import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelField } from './inference.ts';

/** Jobs of one account that are not over yet. */
export const VIDEO_JOBS_MAX = 5;
/** A job, and its video, can be fetched for so long after it was made. */
export const VIDEO_KEPT_HOURS = 24;

export const videoStatuses = ['queued', 'processing', 'completed', 'failed', 'cancelled'] as const;
export type VideoStatus = (typeof videoStatuses)[number];

export const VideoInput = z.looseObject({
  model: ModelField,
  prompt: z.string().min(1),
  num_frames: z.int().min(1).max(81).optional().describe('Default: 33.'),
  fps: z.int().min(1).max(60).optional().describe('Default: 16.'),
  num_inference_steps: z.int().min(1).max(200).optional(),
  guidance_scale: z.number().optional(),
  seed: z.int().optional(),
});

export const VideoJob = z.object({
  object: z.literal('video.job'),
  id: z.string(),
  model: z.string(),
  status: z.enum(videoStatuses),
  created: z.int().describe('Unix seconds, as OpenAI has it.'),
  completed_at: z.int().nullable().describe('Unix seconds.'),
  expires_at: z.int().describe('Unix seconds: from then on the job is unknown and its video gone.'),
  video_url: z.string().nullable().describe('Fetch it with the same key. Null until it is completed.'),
  duration_seconds: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable().describe('Why it failed.'),
});
export type VideoJob = z.infer<typeof VideoJob>;

const VideoRef = z.object({ id: z.string().min(1).max(60) });

export const createVideo = endpoint({
  name: 'createVideo',
  method: 'POST',
  path: '/v1/video/generations',
  summary: `Order a video; at most ${VIDEO_JOBS_MAX} of an account are under way`,
  scope: 'inference',
  input: VideoInput,
  output: VideoJob,
});

export const getVideo = endpoint({
  name: 'getVideo',
  method: 'GET',
  path: '/v1/video/generations/{id}',
  summary: 'How a video is getting on',
  scope: 'inference',
  input: VideoRef,
  output: VideoJob,
});

export const getVideoContent = endpoint({
  name: 'getVideoContent',
  method: 'GET',
  path: '/v1/video/generations/{id}/content',
  summary: 'The bytes of a completed video',
  scope: 'inference',
  input: VideoRef,
  output: z.unknown(),
  answer: 'gateway',
  media: 'video/*',
});

export const cancelVideo = endpoint({
  name: 'cancelVideo',
  method: 'DELETE',
  path: '/v1/video/generations/{id}',
  summary: 'Cancel a video that is not over; of one that is, forget it and its bytes',
  scope: 'inference',
  input: VideoRef,
  output: VideoJob,
});
