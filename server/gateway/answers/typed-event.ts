import { readUsage } from '../counting/usage.ts';
import { BROKEN, Cursor, OPEN_BRACE, QUOTE } from '../scan.ts';
import { readChatEvent } from './chat-event.ts';
import { findData } from './event-data.ts';
import { newEvent, type StreamEvent } from './stream-event.ts';

/** After these nothing comes. */
const LAST: readonly string[] = [
  'response.completed',
  'response.incomplete',
  'transcript.text.done',
  'speech.audio.done',
];
const FAILED: readonly string[] = ['error', 'response.failed'];
/** One image is complete; others may follow. */
const FINISHED: readonly string[] = ['image_generation.completed', 'image_edit.completed'];
/** Members that bring what a client waits for. */
const CONTENT: readonly string[] = ['delta', 'audio', 'b64_json', 'text'];

/**
 * Reads one whole event that says by its `type` what it is, as those of responses, images and audio do. What has no type
 * is read as an event of a chat: some engines stream transcriptions so.
 */
export function readTypedEvent(source: Buffer): StreamEvent {
  const { bytes, start, end, isError } = findData(source);
  const data = bytes.subarray(start, end);
  const members = new Cursor(data, 0);
  const event = newEvent(bytes);
  let type: string | undefined;
  let response = 0;
  while (data[0] === OPEN_BRACE && members.next()) {
    const key = members.key();
    if (key === 'type') type = textOf(data, members);
    else if (key === 'response') response = members.valueStart;
    else if (key === 'usage') event.usage = readUsage(data, members.valueStart);
    else if (CONTENT.includes(key)) event.hasContent = isText(data, members);
  }
  if (type === undefined || members.end === BROKEN) return readChatEvent(source);
  if (response > 0) event.usage = usageIn(data, response);
  event.type = isError || FAILED.includes(type) ? 'error' : LAST.includes(type) ? 'done' : 'chunk';
  event.isFinished = FINISHED.includes(type);
  return event;
}

const TYPE_BYTES_MAX = 100;

function textOf(data: Buffer, { valueStart, valueEnd }: Cursor): string | undefined {
  if (data[valueStart] !== QUOTE || valueEnd - valueStart > TYPE_BYTES_MAX) return undefined;
  return data.toString('latin1', valueStart + 1, valueEnd - 1);
}

const isText = (data: Buffer, { valueStart, valueEnd }: Cursor) =>
  data[valueStart] === QUOTE && valueEnd - valueStart > 2;

/** What a `response` says it used. */
function usageIn(data: Buffer, start: number) {
  if (data[start] !== OPEN_BRACE) return undefined;
  const response = new Cursor(data, start);
  while (response.next()) if (response.key() === 'usage') return readUsage(data, response.valueStart);
  return undefined;
}
