import { Cursor, OPEN_BRACE } from '../scan.ts';
import type { UsageWish } from './body.ts';
import type { Edit, Span } from './edits.ts';
import type { JsonBody } from './json-body.ts';

const wished = {
  final: ['include_usage'],
  continuous: ['include_usage', 'continuous_usage_stats'],
} as const;

/** The edits that ask the engine for usage in a stream and leave every other option. */
export function planStreamOptions(body: JsonBody, usage: Exclude<UsageWish, 'as_asked'>): Edit[] {
  const names = wished[usage];
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
