import { readUsage } from '../counting/usage.ts';
import { BROKEN, Cursor, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from '../scan.ts';
import { findData, isDone } from './event-data.ts';
import { newEvent, type StreamEvent } from './stream-event.ts';

const COMMA = 0x2c;

/** Reads one whole event of a chat or of completions. */
export function readChatEvent(source: Buffer): StreamEvent {
  const { bytes, start, end, isError } = findData(source);
  const event = newEvent(bytes);
  if (start === end) return event;
  const data = bytes.subarray(start, end);
  event.type = isError ? 'error' : 'opaque';
  if (isDone(data)) event.type = 'done';
  else if (data[0] === OPEN_BRACE) readChunk(event, data, start);
  event.hasContent ||= event.type === 'opaque'; // not ours to understand: it passes
  return event;
}

function readChunk(event: StreamEvent, data: Buffer, offset: number): void {
  const members = new Cursor(data, 0);
  let type: StreamEvent['type'] = event.type === 'error' ? 'error' : 'chunk';
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

function readChoices(event: StreamEvent, data: Buffer, start: number): void {
  if (data[start] !== OPEN_BRACKET) return;
  const choices = new Cursor(data, start);
  while (choices.next()) {
    event.choice ??= 0;
    if (data[choices.valueStart] === OPEN_BRACE) readChoice(event, data, choices.valueStart);
  }
}

function readChoice(event: StreamEvent, data: Buffer, start: number): void {
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
