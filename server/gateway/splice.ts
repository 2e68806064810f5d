import { EcoError } from '../../sdk/contract/index.ts';
import { BROKEN, Cursor, OPEN_BRACE, QUOTE, skipSpace } from './scan.ts';

interface Span {
  start: number;
  end: number;
}

/** What the gateway reads of a body, and where it stands. The bytes stay as the caller sent them. */
export interface ChatBody {
  bytes: Buffer;
  model: string;
  stream: boolean;
  /** The client asked for usage at the end of the stream. */
  includeUsage: boolean;
  /** The client asked for usage in every event. */
  continuousUsage: boolean;
  /** `n`. */
  choices: number;
  maxTokens: number | undefined;
  models: Span[];
  streamOptions: Span[];
  /** Index of the brace that closes the body. */
  close: number;
}

export const CHOICES_MAX = 128;
/** Of one key: each is edited, so that millions of them would cost far more than their bytes. */
const REPEATS_MAX = 16;

/** Reads a body in one pass over its bytes. Of a key that comes twice the last counts, as in `JSON.parse`. */
export function readChatBody(bytes: Buffer): ChatBody {
  const body: ChatBody = {
    bytes,
    model: '',
    stream: false,
    includeUsage: false,
    continuousUsage: false,
    choices: 1,
    maxTokens: undefined,
    models: [],
    streamOptions: [],
    close: 0,
  };
  const start = skipSpace(bytes, 0);
  const cursor = new Cursor(bytes, start);
  if (bytes[start] === OPEN_BRACE) while (cursor.next()) readMember(body, cursor);
  if (cursor.end === BROKEN || skipSpace(bytes, cursor.end) !== bytes.length) throw whyBroken(bytes);
  body.close = cursor.end - 1;
  readModel(body);
  readStreamOptions(body);
  return body;
}

function readMember(body: ChatBody, cursor: Cursor): void {
  const span = { start: cursor.valueStart, end: cursor.valueEnd };
  switch (cursor.key()) {
    case 'model':
      push(body.models, span, 'model');
      break;
    case 'stream':
      body.stream = isTrue(body.bytes, span);
      break;
    case 'stream_options':
      push(body.streamOptions, span, 'stream_options');
      break;
    case 'n':
      body.choices = Math.min(readCount(body.bytes, span) ?? 1, CHOICES_MAX);
      break;
    case 'max_tokens':
    case 'max_completion_tokens':
      body.maxTokens = readCount(body.bytes, span) ?? body.maxTokens;
  }
}

function push(spans: Span[], span: Span, param: string): void {
  if (spans.push(span) > REPEATS_MAX)
    throw new EcoError('invalid_request', `${param}: is given more than ${REPEATS_MAX} times.`, { param });
}

function readModel(body: ChatBody): void {
  const span = body.models.at(-1);
  if (!span) throw new EcoError('invalid_request', 'model: is missing.', { param: 'model', hint: 'eco catalog' });
  if (body.bytes[span.start] !== QUOTE)
    throw new EcoError('invalid_request', 'model: must be a string.', { param: 'model' });
  body.model = JSON.parse(body.bytes.toString('utf8', span.start, span.end));
}

function readStreamOptions(body: ChatBody): void {
  const span = body.streamOptions.at(-1);
  if (!span || body.bytes[span.start] !== OPEN_BRACE) return;
  const options = new Cursor(body.bytes, span.start);
  let continuous = false;
  while (options.next()) {
    const asked = isTrue(body.bytes, { start: options.valueStart, end: options.valueEnd });
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

const isTrue = (bytes: Buffer, { start }: Span) => bytes[start] === 0x74;

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

/** How much usage a stream shall bring: `as_asked` leaves the options of the client alone. */
export type UsageWish = 'as_asked' | 'final' | 'continuous';

interface Edit extends Span {
  text: string;
}

/** The body with another model and the wish for usage in it, and every other byte as it was. */
export function spliceChatBody(body: ChatBody, { model, usage }: { model: string; usage: UsageWish }): Buffer {
  const text = JSON.stringify(model);
  const edits: Edit[] = body.models.map((span) => ({ ...span, text }));
  if (usage !== 'as_asked') edits.push(...planStreamOptions(body, wished[usage]));
  return applyEdits(
    body.bytes,
    edits.filter((edit) => !isAlready(body.bytes, edit)).sort((a, b) => a.start - b.start),
  );
}

const wished = {
  final: ['include_usage'],
  continuous: ['include_usage', 'continuous_usage_stats'],
} as const;

function planStreamOptions(body: ChatBody, names: readonly string[]): Edit[] {
  const members = names.map((name) => `"${name}":true`).join();
  if (body.streamOptions.length === 0)
    return [{ start: body.close, end: body.close, text: `,"stream_options":{${members}}` }];
  return body.streamOptions.flatMap((span) => {
    if (body.bytes[span.start] === OPEN_BRACE) return planOptions(body.bytes, span, names);
    return body.bytes[span.start] === 0x6e ? [{ ...span, text: `{${members}}` }] : [];
  });
}

/** Sets each option to true wherever it stands, and puts what is missing in front of the others. */
function planOptions(bytes: Buffer, span: Span, names: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  const missing = new Set<string>(names);
  let isEmpty = true;
  const options = new Cursor(bytes, span.start);
  while (options.next()) {
    isEmpty = false;
    const key = options.key();
    if (!names.includes(key)) continue;
    missing.delete(key);
    edits.push({ start: options.valueStart, end: options.valueEnd, text: 'true' });
  }
  const front = [...missing].map((name) => `"${name}":true`).join();
  if (front !== '') edits.push({ start: span.start + 1, end: span.start + 1, text: isEmpty ? front : `${front},` });
  return edits;
}

const isAlready = (bytes: Buffer, { start, end, text }: Edit) =>
  end - start === text.length && bytes.toString('latin1', start, end) === text;

/** Replaces spans that are in order and do not overlap, in one allocation. */
function applyEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const grown = edits.reduce((sum, { start, end, text }) => sum + Buffer.byteLength(text) - (end - start), 0);
  const edited = Buffer.allocUnsafe(bytes.length + grown);
  let from = 0;
  let to = 0;
  for (const { start, end, text } of edits) {
    to += bytes.copy(edited, to, from, start);
    to += edited.write(text, to);
    from = end;
  }
  bytes.copy(edited, to, from);
  return edited;
}
