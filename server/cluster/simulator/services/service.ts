import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine } from '../engine.ts';

/** One request with its whole body, and where its answer goes. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
  /** What stood in the place of `{id}`. */
  params: Record<string, string>;
  /** Aborted when the client leaves before the answer has ended. */
  signal: AbortSignal;
}

/** Answers one kind of request. What it refuses it throws as a `Refusal`. */
export type Service = (engine: Engine, exchange: Exchange) => Promise<void>;
