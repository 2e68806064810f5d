import type { Body } from './body.ts';
import { applyEdits, type Span } from './edits.ts';
import { type Part, readParts } from './multipart.ts';
import { invalid, missingModel, noteRepeat } from './refusals.ts';

/** Of a field that is text: what is longer is a file under the wrong name. */
const TEXT_BYTES_MAX = 4096;

/** A form, as uploads come. Clients put the file before `model`. */
export class MultipartBody implements Body {
  readonly bytes: Buffer;
  readonly model: string;
  readonly stream: boolean;
  /** A form carries no wish of ours, so that nothing has to be taken out of the answer. */
  readonly includeUsage = true;
  readonly continuousUsage = true;
  readonly #models: Part[] = [];
  /** By name; of one that comes twice the last. */
  readonly #parts = new Map<string, Part>();

  constructor(bytes: Buffer, parts: readonly Part[]) {
    this.bytes = bytes;
    for (const part of parts) {
      this.#parts.set(part.name, part);
      if (part.name === 'model') noteRepeat(this.#models, part, 'model');
    }
    const model = this.text('model');
    if (model === undefined) throw missingModel();
    this.model = model;
    this.stream = isTrue(this.text('stream'));
  }

  splice(model: string): Buffer {
    return applyEdits(
      this.bytes,
      this.#models.map(({ start, end }) => ({ start, end, text: model })),
    );
  }

  find(name: string): Span | undefined {
    return this.#parts.get(name);
  }

  text(name: string): string | undefined {
    const part = this.#parts.get(name);
    return part && this.bytes.toString('utf8', part.start, Math.min(part.end, part.start + TEXT_BYTES_MAX));
  }
}

/** Reads a form by the boundary that its content type names. */
export function readMultipartBody(bytes: Buffer, contentType: string | undefined): MultipartBody {
  if (contentType === undefined || !/^\s*multipart\/form-data\b/i.test(contentType))
    throw invalid('content-type', 'this endpoint takes a form: send multipart/form-data');
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) throw invalid('content-type', 'names no boundary of at most 200 characters');
  return new MultipartBody(bytes, readParts(bytes, boundary));
}

/** RFC 2046 allows 70; some clients make longer ones. */
const BOUNDARY = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.){1,200})"|([^\s;"]{1,200})(?=[\s;]|$))/i;

function boundaryOf(contentType: string): string | undefined {
  const found = BOUNDARY.exec(contentType);
  return found?.[1]?.replace(/\\(.)/g, '$1') ?? found?.[2];
}

const FLAGS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
  ['', false],
]);

function isTrue(text: string | undefined): boolean {
  if (text === undefined) return false;
  const flag = FLAGS.get(text.toLowerCase());
  if (flag === undefined) throw invalid('stream', 'must be true or false');
  return flag;
}
