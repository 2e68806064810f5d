import type { ErrorBody } from '../../../sdk/contract/index.ts';
import { readChatEvent } from './chat-event.ts';
import type { StreamEvent } from './stream-event.ts';
import { readTypedEvent } from './typed-event.ts';

const MB = 1024 * 1024;

/** How the events of an endpoint are read, and how an error is told among them. */
export interface Dialect {
  /** A longer event is not waited for: the stream is cut. */
  eventBytesMax: number;
  read(event: Buffer): StreamEvent;
  /** The last event of a stream that went wrong. */
  error(body: string): Buffer;
}

/** Chunks of choices until `[DONE]`, which never follows an error. */
export const chunks: Dialect = {
  eventBytesMax: 4 * MB,
  read: readChatEvent,
  error: (body) => Buffer.from(`data: ${onOneLine(body)}\n\n`),
};

/** Events with a type, one of which is the last. One may hold a large image. */
export const typed: Dialect = {
  eventBytesMax: 16 * MB,
  read: readTypedEvent,
  error(body) {
    const { error } = parse(body);
    const event = { type: 'error', code: error.code, message: error.message, param: error.param, error };
    return Buffer.from(`event: error\ndata: ${JSON.stringify(event)}\n\n`);
  },
};

const onOneLine = (json: string) => json.replace(/\s*\n\s*/g, ' ');

const parse = (body: string): ErrorBody => JSON.parse(body);
