import type { TokenCounts } from '../../billing/price.ts';

/** What one event of a stream says. */
export interface StreamEvent {
  /** `comment` has no data; `opaque` has data that is not a JSON object; after `done` nothing comes. */
  type: 'chunk' | 'done' | 'error' | 'comment' | 'opaque';
  /** The event as it came, or, if its data had several lines, with them joined. */
  bytes: Buffer;
  /** Some choice brings text, a tool call or the like: a client may act on it. */
  hasContent: boolean;
  /** It is complete, if nothing more comes: some choice has a finish reason, or the like. */
  isFinished: boolean;
  /** Index of the (first) choice; undefined without choices. */
  choice: number | undefined;
  usage: TokenCounts | undefined;
  /** Where the top-level `usage` member stands in `bytes`, with the comma that goes with it. */
  usageSpan: { start: number; end: number } | undefined;
}

/** An event that says nothing yet. */
export const newEvent = (bytes: Buffer): StreamEvent => ({
  type: 'comment',
  bytes,
  hasContent: false,
  isFinished: false,
  choice: undefined,
  usage: undefined,
  usageSpan: undefined,
});

/** The event without its top-level `usage`; every other byte stays. */
export function withoutUsage({ bytes, usageSpan }: StreamEvent): Buffer {
  if (!usageSpan) return bytes;
  return Buffer.concat([bytes.subarray(0, usageSpan.start), bytes.subarray(usageSpan.end)]);
}
