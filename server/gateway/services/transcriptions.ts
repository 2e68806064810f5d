import { typed } from '../answers/dialect.ts';
import { parseData } from '../answers/event-data.ts';
import type { StreamEvent } from '../answers/stream-event.ts';
import { measureAudio } from '../audio/meter.ts';
import type { MultipartBody } from '../bodies/multipart-body.ts';
import { invalid } from '../bodies/refusals.ts';
import { MemberScan } from '../counting/member-scan.ts';
import { type MeteredCounts, NOTHING, toUsage } from '../counting/usage.ts';
import type { EventTally, Service, WholeTally } from './service.ts';

/** Audio in, text out; tokens only where the engine tells them. */
export const transcriptions: Service<MultipartBody> = {
  answer: 'text',
  dialect: typed,
  hasStreamOptions: false,
  check: (body) => void fileOf(body),
  asksForEvents: ({ stream }) => stream,
  atMost: (body) => ({ ...NOTHING, audio_ms: measureFile(body).audio_ms }),
  tallyWhole: (body) => new TranscriptionTally(body),
  tallyEvents: (body) => new TranscriptionEvents(body),
};

function fileOf(body: MultipartBody): Buffer {
  const file = body.find('file');
  if (!file) throw invalid('file', 'is missing: send the audio as a part of this name');
  return body.bytes.subarray(file.start, file.end);
}

/** 64 kbit/s: speech as it is mostly compressed. */
const BYTES_PER_MS_ASSUMED = 8;

interface Length {
  audio_ms: number;
  estimated: boolean;
}

/** Measured at admission, and asked for again where the answer tells nothing. */
const lengths = new WeakMap<MultipartBody, Length>();

/** How long the upload is, by its own headers or, where they are not understood, by its size. */
function measureFile(body: MultipartBody): Length {
  const known = lengths.get(body);
  if (known) return known;
  const file = fileOf(body);
  const told = measureAudio(file);
  const length = { audio_ms: told ?? Math.ceil(file.length / BYTES_PER_MS_ASSUMED), estimated: told === undefined };
  lengths.set(body, length);
  return length;
}

/** Takes the length that the answer tells, else measures the file. */
class TranscriptionTally implements WholeTally {
  readonly #body: MultipartBody;
  readonly #scan = new MemberScan();

  constructor(body: MultipartBody) {
    this.#body = body;
  }

  note(chunk: Buffer): void {
    this.#scan.add(chunk);
  }

  end(): void {}

  counts(): MeteredCounts {
    const usage = this.#scan.value('usage');
    return countAudio(this.#body, { usage, duration: this.#scan.value('duration') });
  }
}

class TranscriptionEvents implements EventTally {
  readonly #body: MultipartBody;
  #told: Told = {};

  constructor(body: MultipartBody) {
    this.#body = body;
  }

  note({ type, bytes, usage }: StreamEvent): void {
    if (type === 'done' || usage) this.#told = { ...this.#told, ...parseData(bytes) };
  }

  counts(): MeteredCounts {
    return countAudio(this.#body, this.#told);
  }
}

interface Told {
  usage?: unknown;
  duration?: unknown;
}

function countAudio(body: MultipartBody, { usage, duration }: Told): MeteredCounts {
  const told = toMs((usage as { seconds?: unknown } | undefined | null)?.seconds) ?? toMs(duration);
  const heard = told === undefined ? measureFile(body) : { audio_ms: told, estimated: false };
  return { ...NOTHING, ...toUsage(usage), ...heard };
}

/** A week: no honest upload is longer. */
const SECONDS_MAX = 7 * 86_400;

/** Of seconds, which engines tell as numbers and as strings. */
function toMs(value: unknown): number | undefined {
  const seconds = typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : Number.NaN;
  return seconds >= 0 && seconds <= SECONDS_MAX ? Math.round(seconds * 1000) : undefined;
}
