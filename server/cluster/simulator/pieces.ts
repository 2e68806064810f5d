import { isRecord, isToken, type Json } from './rewrite.ts';

/** What an answer is made of, by its content type. */
export type Content = 'events' | 'json' | 'bytes';
export type Bytes = string | Uint8Array;

/** One event, one body, or one write of anything else. */
export interface Piece {
  bytes: Bytes;
  /** What it says; undefined where that is no JSON object. */
  value: Json | undefined;
  tokens: number;
}

export function contentOf(type: string): Content {
  if (type.startsWith('text/event-stream')) return 'events';
  return type.startsWith('application/json') ? 'json' : 'bytes';
}

/** Services write whole events and whole bodies. */
export function takeApart(content: Content, chunk: Bytes): Piece[] {
  if (content === 'bytes') return [{ bytes: chunk, value: undefined, tokens: 1 }];
  const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
  if (content === 'json') return [{ bytes: text, value: parse(text), tokens: 0 }];
  return text.split(/(?<=\n\n)/).map((event) => {
    const value = parse(EVENT.exec(event)?.[2] ?? '');
    return { bytes: event, value, tokens: value && isToken(value) ? 1 : 0 };
  });
}

const EVENT = /^((?:event: .*\n)?data: )(\{.*\})\n\n$/s;

/** The same piece with something else to say. */
export function putTogether(content: Content, { bytes }: Piece, said: unknown): string {
  if (content !== 'events') return JSON.stringify(said);
  const [, before = 'data: '] = EVENT.exec(String(bytes)) ?? [];
  return `${before}${JSON.stringify(said)}\n\n`;
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
