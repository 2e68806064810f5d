import { EcoError } from '../../../sdk/contract/index.ts';
import { BROKEN, Cursor, OPEN_BRACE, QUOTE, skipSpace } from '../scan.ts';
import type { Body, UsageWish } from './body.ts';
import { applyEdits, type Span } from './edits.ts';
import { invalid, missingModel, noteRepeat } from './refusals.ts';
import { planStreamOptions } from './stream-options.ts';

export const CHOICES_MAX = 128;

/** What the gateway reads of a JSON body of any endpoint, and where it stands. */
export class JsonBody implements Body {
  readonly bytes: Buffer;
  model = '';
  stream = false;
  /** The client asked for usage at the end of the stream. */
  includeUsage = false;
  /** The client asked for usage in every event. */
  continuousUsage = false;
  /** `n`. */
  choices = 1;
  maxTokens: number | undefined = undefined;
  input: Span | undefined = undefined;
  documents: Span | undefined = undefined;
  responseFormat: Span | undefined = undefined;
  streamFormat: Span | undefined = undefined;
  readonly models: Span[] = [];
  readonly streamOptions: Span[] = [];
  /** Index of the brace that closes the body. */
  close = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  splice(model: string, usage: UsageWish): Buffer {
    const text = JSON.stringify(model);
    const edits = this.models.map(({ start, end }) => ({ start, end, text }));
    if (usage !== 'as_asked') edits.push(...planStreamOptions(this, usage));
    return applyEdits(this.bytes, edits);
  }

  /** The text of a field; undefined if it is absent, or no string. Only for what is known to be short. */
  text(span: Span | undefined): string | undefined {
    if (!span || this.bytes[span.start] !== QUOTE) return undefined;
    return JSON.parse(this.bytes.toString('utf8', span.start, span.end));
  }
}

/** Reads a body in one pass over its bytes. Of a key that comes twice the last counts, as in `JSON.parse`. */
export function readJsonBody(bytes: Buffer, contentType: string | undefined): JsonBody {
  if (contentType !== undefined && FORM.test(contentType))
    throw invalid('content-type', 'this endpoint takes JSON: send application/json');
  const body = new JsonBody(bytes);
  const start = skipSpace(bytes, 0);
  const cursor = new Cursor(bytes, start);
  if (bytes[start] === OPEN_BRACE) while (cursor.next()) readMember(body, cursor);
  if (cursor.end === BROKEN || skipSpace(bytes, cursor.end) !== bytes.length) throw whyBroken(bytes);
  body.close = cursor.end - 1;
  readModel(body);
  readStreamOptions(body);
  return body;
}

/** What cannot be JSON. Anything else may be: some clients name no type, or, as curl does, a wrong one. */
const FORM = /^\s*multipart\//i;

function readMember(body: JsonBody, cursor: Cursor): void {
  const span = { start: cursor.valueStart, end: cursor.valueEnd };
  switch (cursor.key()) {
    case 'model':
      noteRepeat(body.models, span, 'model');
      break;
    case 'stream':
      body.stream = readFlag(body.bytes, span, 'stream');
      break;
    case 'stream_options':
      noteRepeat(body.streamOptions, span, 'stream_options');
      break;
    case 'n':
      body.choices = Math.min(readCount(body.bytes, span) ?? 1, CHOICES_MAX);
      break;
    case 'max_tokens':
    case 'max_completion_tokens':
    case 'max_output_tokens':
      body.maxTokens = readCount(body.bytes, span) ?? body.maxTokens;
      break;
    case 'input':
      body.input = span;
      break;
    case 'documents':
      body.documents = span;
      break;
    case 'response_format':
      body.responseFormat = span;
      break;
    case 'stream_format':
      body.streamFormat = span;
  }
}

function readModel(body: JsonBody): void {
  const span = body.models.at(-1);
  if (!span) throw missingModel();
  const model = body.text(span);
  if (model === undefined) throw invalid('model', 'must be a string');
  body.model = model;
}

function readStreamOptions(body: JsonBody): void {
  const span = body.streamOptions.at(-1);
  if (!span || body.bytes[span.start] !== OPEN_BRACE) return;
  const options = new Cursor(body.bytes, span.start);
  let continuous = false;
  while (options.next()) {
    const asked = body.bytes[options.valueStart] === TRUE;
    const key = options.key();
    if (key === 'include_usage') body.includeUsage = asked;
    else if (key === 'continuous_usage_stats') continuous = asked;
  }
  body.continuousUsage = continuous && body.includeUsage; // engines ignore it without include_usage
}

/** A positive whole number, else undefined: what the engine refuses is the engine's to explain. */
function readCount(bytes: Buffer, { start, end }: Span): number | undefined {
  const value = Number(bytes.toString('latin1', start, Math.min(end, start + 24)));
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** First letters of the words, which the scan has read whole. */
const TRUE = 0x74;
const FALSE = 0x66;
const NULL = 0x6e;

/** Whether a call streams decides how it is clocked and counted: it must not be guessed. */
function readFlag(bytes: Buffer, { start }: Span, param: string): boolean {
  const first = bytes[start];
  if (first !== TRUE && first !== FALSE && first !== NULL) throw invalid(param, 'must be true or false');
  return first === TRUE;
}

/** `JSON.parse` takes seconds over some broken bodies of many megabytes. */
const EXPLAINED_BYTES_MAX = 256 * 1024;

/** Broken for the scan is doubt; `JSON.parse` decides and says where. */
function whyBroken(bytes: Buffer): EcoError {
  if (bytes.length > EXPLAINED_BYTES_MAX)
    return new EcoError('invalid_request', 'The body is not a JSON object, or is nested too deeply.');
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return new EcoError('invalid_request', `The body ${isObject ? 'is nested too deeply' : 'must be a JSON object'}.`);
  } catch (cause) {
    return new EcoError('invalid_request', `The body is not JSON: ${(cause as Error).message}.`);
  }
}
