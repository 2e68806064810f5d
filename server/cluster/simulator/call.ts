import type { Answer } from './answer.ts';
import type { Ask } from './ask.ts';
import type { Head } from './chunks.ts';
import type { Fault } from './faults.ts';

/** One chat completion under way. */
export interface Call {
  ask: Ask;
  head: Head;
  answers: Answer[];
  promptTokens: number;
  fault: Fault | undefined;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
  /** Tokens that were written to the socket. */
  sent: number;
  /** Counts a write of so many tokens. */
  noteOf(tokens: number): { sending(): void; sent(): void };
}
