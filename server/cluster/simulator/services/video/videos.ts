import { Refusal } from '../../refusal.ts';
import { sendJson } from '../../send.ts';
import { SimResponse } from '../../sim-response.ts';
import { modelOf, readFields, readSeed, readText, readWhole } from '../fields.ts';
import { checkModel } from '../serve.ts';
import type { Service } from '../service.ts';
import { film } from './film.ts';
import { cancelJob, getJob, startJob, type VideoJob } from './jobs.ts';
import { encodeMp4 } from './mp4.ts';

const FRAMES_USUAL = 33;
const FRAMES_MAX = 81;
const FPS_USUAL = 16;
const FPS_MAX = 60;

/** `POST /v1/video/generations`. */
export const orderVideo: Service = async (engine, { response, body }) => {
  const fields = readFields(body);
  const job = {
    model: modelOf(fields),
    prompt: readText(fields, 'prompt'),
    seed: readSeed(fields) ?? engine.options.seed,
    frames: readWhole(fields, 'num_frames', 1, FRAMES_MAX) ?? FRAMES_USUAL,
    fps: readWhole(fields, 'fps', 1, FPS_MAX) ?? FPS_USUAL,
    willFail: response instanceof SimResponse && response.faultOf('video-fails') !== undefined,
  };
  checkModel(engine, job.model);
  sendJson(response, 200, describe(startJob(engine, job)));
};

/** `GET /v1/video/generations/{id}`. */
export const getVideo: Service = async (engine, { response, params }) => {
  sendJson(response, 200, describe(getJob(engine, params.id)));
};

/** `DELETE /v1/video/generations/{id}`. */
export const cancelVideo: Service = async (engine, { response, params }) => {
  const job = getJob(engine, params.id);
  cancelJob(engine, job);
  sendJson(response, 200, describe(job));
};

/** `GET /v1/video/generations/{id}/content`. */
export const videoContent: Service = async (engine, { response, params }) => {
  const { status, prompt, seed, frames, fps } = getJob(engine, params.id);
  if (status !== 'completed') throw new Refusal(409, `The video is ${status}.`);
  const bytes = encodeMp4(film(`${seed} ${prompt}`, frames), fps);
  response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': bytes.length });
  response.end(bytes);
};

function describe({ id, model, status, created, completed_at, frames, fps }: VideoJob) {
  return {
    id,
    object: 'video.job',
    model,
    status,
    created,
    ...(status === 'completed' && {
      completed_at,
      video_url: `/v1/video/generations/${id}/content`,
      duration_seconds: frames / fps,
    }),
    ...(status === 'failed' && { error: { code: 'generation_failed', message: 'The video could not be made.' } }),
  };
}
