/** What a replica's answer says of a job. */
export type Seen =
  | { type: 'going'; status: 'queued' | 'processing' }
  | { type: 'completed'; url: string | null; durationMs: number | undefined }
  | { type: 'failed'; code: string; message: string }
  | { type: 'cancelled' }
  /** The replica does not know it, and never will again. */
  | { type: 'lost' }
  /** No answer that can be believed: ask again later. */
  | { type: 'unclear'; why: string };

/** What engines call their states; they agree on little. */
const statuses: Readonly<Record<string, 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled'>> = {
  queued: 'queued',
  pending: 'queued',
  processing: 'processing',
  in_progress: 'processing',
  running: 'processing',
  completed: 'completed',
  succeeded: 'completed',
  failed: 'failed',
  error: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};

const LOST: readonly number[] = [404, 410];

/** Reads the answer to a question after a job. */
export function readSeen(httpStatus: number, body: unknown): Seen {
  if (LOST.includes(httpStatus)) return { type: 'lost' };
  if (httpStatus !== 200) return { type: 'unclear', why: `the replica answered with status ${httpStatus}` };
  const fields = fieldsOf(body);
  const status = statuses[String(fields.status)];
  switch (status) {
    case 'queued':
    case 'processing':
      return { type: 'going', status };
    case 'completed':
      return { type: 'completed', url: textOf(fields.video_url) ?? null, durationMs: msOf(fields.duration_seconds) };
    case 'failed':
      return { type: 'failed', ...failureOf(fields.error) };
    case 'cancelled':
      return { type: 'cancelled' };
    default:
      return { type: 'unclear', why: 'the replica gave no status that is known' };
  }
}

const ID_CHARS_MAX = 200;

/** The id that a replica gave an order it has taken, or undefined where the answer names none. */
export function readUpstreamId(body: unknown): string | undefined {
  const id = textOf(fieldsOf(body).id);
  return id !== undefined && id.length <= ID_CHARS_MAX ? id : undefined;
}

const MESSAGE_CHARS_MAX = 500;
const CODE = /^\w{1,60}$/;

/** Engines say why as a text or as an object. */
export function failureOf(error: unknown): { code: string; message: string } {
  const { code, message } = fieldsOf(error);
  return {
    code: typeof code === 'string' && CODE.test(code) ? code : 'upstream_error',
    message: (textOf(message) ?? textOf(error) ?? "The model's server gave no reason.").slice(0, MESSAGE_CHARS_MAX),
  };
}

/** More is a fault of the engine and is not believed. */
const DURATION_MAX_SECONDS = 3_600;

function msOf(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= DURATION_MAX_SECONDS)) return undefined;
  return Math.round(seconds * 1000);
}

const FRAMES_DEFAULT = 33;
const FPS_DEFAULT = 16;

/** How long a video of such an order is, in milliseconds, until the engine says better. */
export const orderedMs = ({ num_frames = FRAMES_DEFAULT, fps = FPS_DEFAULT }: Length) =>
  Math.round((num_frames / fps) * 1000);

interface Length {
  num_frames?: number | undefined;
  fps?: number | undefined;
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
const fieldsOf = (value: unknown) =>
  (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
