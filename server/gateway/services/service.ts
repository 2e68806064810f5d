import type { Counts } from '../../billing/price.ts';
import type { Dialect } from '../answers/dialect.ts';
import type { StreamEvent } from '../answers/stream-event.ts';
import type { Body } from '../bodies/body.ts';
import type { MeteredCounts } from '../counting/usage.ts';

/** What the gateway knows of one kind of call: what it checks, and what it counts. Everything else is the engine's. */
export interface Service<B extends Body = Body> {
  /** What an answer in one piece is made of; `text` takes JSON too. */
  readonly answer: 'json' | 'text' | 'audio';
  /** How a stream of events is read; undefined: there is none. */
  readonly dialect: Dialect | undefined;
  /** Usage in a stream comes only if `stream_options` ask for it. */
  readonly hasStreamOptions: boolean;
  /** Throws `invalid_request` for what no engine can serve. */
  check(body: B): void;
  asksForEvents(body: B): boolean;
  /** The most it may use, for admission. */
  atMost(body: B): Counts;
  /** For an answer in one piece, or in bytes. */
  tallyWhole(body: B): WholeTally;
  tallyEvents(body: B): EventTally;
}

/** Counts what one answer uses while it passes: at any moment what has been used until then. */
export interface WholeTally {
  note(chunk: Buffer): void;
  /** All of it has come. */
  end(): void;
  counts(): MeteredCounts;
}

export interface EventTally {
  note(event: StreamEvent): void;
  counts(): MeteredCounts;
}

/** For services without a dialect, whose events are refused before they are counted. */
export function noEvents(): never {
  throw new Error('this service has no stream of events');
}
