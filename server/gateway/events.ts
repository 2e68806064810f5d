import type { TokenCounts } from '../billing/price.ts';
import { BROKEN, Cursor, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './scan.ts';
import { readUsage } from './usage.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const COMMA = 0x2c;

/**
 * Cuts a byte stream into whole server-sent events, each with the empty line that ends it. Lines end in LF or CRLF, as
 * every engine writes them. Holds at most one incomplete event.
 */
export class EventSplitter {
  #parts: Buffer[] = [];
  #held = 0;
  #lineHasBytes = false;

  /** Bytes of the event that is not complete yet. */
  get held(): number {
    return this.#held;
  }

  /** The events that this chunk completes. */
  split(chunk: Buffer): Buffer[] {
    const events: Buffer[] = [];
    let start = 0;
    let line = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, line)) {
      const isEmpty = !this.#lineHasBytes && isBlank(chunk, line, at);
      this.#lineHasBytes = false;
      line = at + 1;
      if (!isEmpty) continue;
      events.push(this.#complete(chunk.subarray(start, line)));
      start = line;
    }
    this.#lineHasBytes ||= !isBlank(chunk, line, chunk.length);
    if (start < chunk.length) this.#hold(start === 0 ? chunk : chunk.subarray(start));
    return events;
  }

  /** What came after the last empty line: an engine that ends without one still meant it. */
  rest(): Buffer {
    return this.#complete(Buffer.alloc(0));
  }

  #hold(part: Buffer): void {
    this.#parts.push(part);
    this.#held += part.length;
  }

  #complete(last: Buffer): Buffer {
    if (this.#held === 0) return last;
    const event = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#held = 0;
    return event;
  }
}

const isBlank = (bytes: Buffer, start: number, end: number) =>
  start === end || (end - start === 1 && bytes[start] === RETURN);

/** What one event of a chat stream says. */
export interface ChatEvent {
  /** `comment` has no data; `opaque` has data that is not a JSON object. */
  type: 'chunk' | 'done' | 'error' | 'comment' | 'opaque';
  /** The event as it came, or, if its data had several lines, with them joined. */
  bytes: Buffer;
  /** Some choice brings text, a tool call or the like: a client may act on it. */
  hasContent: boolean;
  /** Some choice has a finish reason. */
  isFinished: boolean;
  /** Index of the (first) choice; undefined without choices. */
  choice: number | undefined;
  usage: TokenCounts | undefined;
  /** Where the top-level `usage` member stands in `bytes`, with the comma that goes with it. */
  usageSpan: { start: number; end: number } | undefined;
}

/** Reads one whole event. */
export function readChatEvent(source: Buffer): ChatEvent {
  const { bytes, start, end, isError } = findData(source);
  const event: ChatEvent = {
    type: 'comment',
    bytes,
    hasContent: false,
    isFinished: false,
    choice: undefined,
    usage: undefined,
    usageSpan: undefined,
  };
  if (start === end) return event;
  const data = bytes.subarray(start, end);
  event.type = isError ? 'error' : 'opaque';
  if (isDone(data)) event.type = 'done';
  else if (data[0] === OPEN_BRACE) readChunk(event, data, start);
  event.hasContent ||= event.type === 'opaque'; // not ours to understand: it passes
  return event;
}

/** The event without its top-level `usage`; every other byte stays. */
export function withoutUsage({ bytes, usageSpan }: ChatEvent): Buffer {
  if (!usageSpan) return bytes;
  return Buffer.concat([bytes.subarray(0, usageSpan.start), bytes.subarray(usageSpan.end)]);
}

const DONE = Buffer.from('[DONE]');
const isDone = (data: Buffer) => data.length === DONE.length && data.equals(DONE);

function readChunk(event: ChatEvent, data: Buffer, offset: number): void {
  const members = new Cursor(data, 0);
  let type: ChatEvent['type'] = event.type === 'error' ? 'error' : 'chunk';
  let lastEnd = 1;
  let isCutAtFront = false;
  while (members.next()) {
    if (isCutAtFront && event.usageSpan) {
      event.usageSpan.end = offset + members.keyStart;
      isCutAtFront = false;
    }
    const key = members.key();
    if (key === 'choices') readChoices(event, data, members.valueStart);
    else if (key === 'error' && data[members.valueStart] !== 0x6e) type = 'error';
    else if (key === 'usage') {
      event.usage = readUsage(data, members.valueStart);
      isCutAtFront = data[skipSpace(data, lastEnd)] !== COMMA;
      event.usageSpan = { start: offset + (isCutAtFront ? members.keyStart : lastEnd), end: offset + members.valueEnd };
    }
    lastEnd = members.valueEnd;
  }
  if (members.end !== BROKEN) event.type = type;
  else Object.assign(event, { usage: undefined, usageSpan: undefined });
}

function readChoices(event: ChatEvent, data: Buffer, start: number): void {
  if (data[start] !== OPEN_BRACKET) return;
  const choices = new Cursor(data, start);
  while (choices.next()) {
    event.choice ??= 0;
    if (data[choices.valueStart] === OPEN_BRACE) readChoice(event, data, choices.valueStart);
  }
}

function readChoice(event: ChatEvent, data: Buffer, start: number): void {
  const choice = new Cursor(data, start);
  while (choice.next()) {
    const key = choice.key();
    if (key === 'index') event.choice = indexOf(choice.text());
    else if (key === 'finish_reason') event.isFinished ||= data[choice.valueStart] === QUOTE;
    else if (key === 'text') event.hasContent ||= isSomething(choice);
    else if (key === 'delta' || key === 'message') event.hasContent ||= hasContent(data, choice.valueStart);
  }
}

/** A delta with nothing but its role is no content. */
function hasContent(data: Buffer, start: number): boolean {
  if (data[start] !== OPEN_BRACE) return false;
  const delta = new Cursor(data, start);
  while (delta.next()) if (delta.key() !== 'role' && isSomething(delta)) return true;
  return false;
}

const EMPTY = new Set(['null', '""', '[]', '{}']);
const isSomething = (value: Cursor) => value.valueEnd - value.valueStart > 4 || !EMPTY.has(value.text());

const CHOICES_MAX = 128;

function indexOf(text: string): number {
  const index = Number(text);
  return Number.isInteger(index) && index >= 0 && index < CHOICES_MAX ? index : 0;
}

interface Data {
  bytes: Buffer;
  start: number;
  end: number;
  isError: boolean;
}

/** Finds the data of an event. Several lines of it become one, as a line break in JSON is a space. */
function findData(bytes: Buffer): Data {
  let found: Data = { bytes, start: 0, end: 0, isError: false };
  let lines = 0;
  let isError = false;
  for (let line = 0; line < bytes.length; ) {
    const next = bytes.indexOf(NEWLINE, line) + 1 || bytes.length;
    if (startsWith(bytes, line, 'data:')) {
      lines++;
      found = { bytes, ...fieldValue(bytes, line + 5, next), isError };
    } else if (startsWith(bytes, line, 'event:')) {
      const { start, end } = fieldValue(bytes, line + 6, next);
      isError = bytes.toString('latin1', start, end) === 'error';
    }
    line = next;
  }
  return lines > 1 ? findData(joinLines(bytes)) : { ...found, isError };
}

function startsWith(bytes: Buffer, at: number, field: string): boolean {
  return bytes[at] === field.charCodeAt(0) && bytes.toString('latin1', at, at + field.length) === field;
}

/** The value of a field without the one space in front and the line's end. */
function fieldValue(bytes: Buffer, from: number, next: number): { start: number; end: number } {
  const start = bytes[from] === SPACE ? from + 1 : from;
  let end = next;
  if (bytes[end - 1] === NEWLINE) end--;
  if (bytes[end - 1] === RETURN) end--;
  return { start, end: Math.max(start, end) };
}

function joinLines(bytes: Buffer): Buffer {
  const lines = bytes.toString('latin1').split(/\r?\n/);
  const isData = (line: string) => line.startsWith('data:');
  const data = lines.filter(isData).map((line) => line.slice(5).replace(/^ /, ''));
  const others = lines.filter((line) => !isData(line) && line !== '');
  return Buffer.from([...others, `data: ${data.join(' ')}`, '', ''].join('\n'), 'latin1');
}
