import type { Readable } from 'node:stream';
import { EcoError } from '../../sdk/contract/index.ts';
import type { VideoJobRow } from '../db/schema.ts';
import type { Download, Place } from './engines.ts';
import type { VideoParts } from './parts.ts';
import { locate } from './whereabouts.ts';

interface Wanted {
  /** The caller's headers. */
  headers: Headers;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
}

/** The bytes of a completed video, or the part of them that was asked for, passed on as its replica sends them. */
export async function openContent(parts: VideoParts, job: VideoJobRow, wanted: Wanted): Promise<Response> {
  if (job.status !== 'completed')
    throw new EcoError('conflict', `The video "${job.id}" is ${job.status}: only a completed one has bytes.`);
  const url = urlOf(job);
  if (url.origin !== new URL(job.base_url ?? '').origin) return elsewhere(url);
  const found = await locate({ db: parts.db, tables: parts.desk.core.tables }, job);
  if (found.type === 'gone') throw new EcoError('not_found', found.message);
  if (found.type === 'away') throw unreachable(found.why);
  const download = await fetchBytes(parts, { url, place: found.place, wanted });
  return toResponse(job, download);
}

/** Where the replica says that the video is; where it says nothing, below the job. */
export function urlOf({ base_url, upstream_id, upstream_url }: VideoJobRow): URL {
  const below = `${base_url}/video/generations/${encodeURIComponent(upstream_id ?? '')}/content`;
  const url = URL.parse(upstream_url ?? below, below);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new EcoError('upstream_error', "The model's server gave no address that its video can be fetched from.");
}

/** The caller fetches it from there with nothing of ours. */
const elsewhere = (url: URL) =>
  new Response(null, { status: 302, headers: { location: url.href, 'referrer-policy': 'no-referrer' } });

const DOWNLOAD_TIMEOUT_MS = 30 * 60_000;
const ASKED: readonly string[] = ['range', 'if-range'];

async function fetchBytes(
  { engines }: VideoParts,
  { url, place, wanted }: { url: URL; place: Place; wanted: Wanted },
): Promise<Download> {
  const range = pick(ASKED, (name) => wanted.headers.get(name));
  const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
  try {
    return await engines.download(url, { authorization: place.authorization, range, signal });
  } catch (cause) {
    throw unreachable((cause as Error).message);
  }
}

const RETRY_AFTER_S = 5;

const unreachable = (why: string) =>
  new EcoError('upstream_error', `The replica that has this video cannot be reached now: ${why}. Try again.`, {
    retryAfter: RETRY_AFTER_S,
  });

const PASSED: readonly string[] = ['content-length', 'content-range', 'accept-ranges', 'etag', 'last-modified'];
const ANSWERS: readonly number[] = [200, 206, 416];
const LOST: readonly number[] = [404, 410];

function toResponse(job: VideoJobRow, { statusCode, headers, body }: Download): Response {
  body.on('error', () => {}); // whoever reads it hears of it; where nobody reads on, nobody needs to
  if (!ANSWERS.includes(statusCode)) {
    body.destroy();
    if (LOST.includes(statusCode))
      throw new EcoError('not_found', 'The replica has dropped this video. Order it again.');
    throw unreachable(`it answered with status ${statusCode}`);
  }
  const passed = pick(PASSED, (name) => headers[name]?.toString());
  passed.set('content-type', typeOf(headers['content-type']?.toString()));
  passed.set('x-content-type-options', 'nosniff');
  passed.set('cache-control', 'private, no-transform');
  if (job.region !== null) passed.set('x-ecolink-region', job.region);
  return new Response(toStream(body), { status: statusCode, headers: passed });
}

/** Not `Readable.toWeb`: its listener throws out of nowhere when data comes after a cancel. */
function toStream(body: Readable): ReadableStream<Uint8Array> {
  const pieces: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void body.destroy(),
  });
}

/** Bytes of a container must never become a page of this server. */
const typeOf = (type = '') => (/^(video|image|audio)\/(?!svg)/.test(type) ? type : 'application/octet-stream');

function pick(names: readonly string[], read: (name: string) => string | null | undefined): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = read(name);
    if (value !== null && value !== undefined) picked.set(name, value);
  }
  return picked;
}
