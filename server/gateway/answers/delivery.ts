import type { Call } from '../core.ts';
import type { MeteredCounts } from '../counting/usage.ts';
import type { Fault } from '../fault.ts';

/** What an answer on its way to the client asks of the flight it belongs to. */
export interface Delivery {
  readonly call: Call;
  /** Bytes have gone to the client that a second attempt could not take back. */
  readonly isOpen: boolean;
  /** The head has gone, as that of an event stream. */
  readonly hasHead: boolean;
  open(status: number, headers: string[]): void;
  openStream(): void;
  /** Something has come that a client may act on: from here on the call costs, and what comes little by little is in the journal. */
  noteContent(): void;
  write(bytes: Buffer): void;
  /** Records the call as well ended, then sends the rest. */
  complete(counts: MeteredCounts, last: Buffer | undefined): void;
  /** Passes a refusal of the engine on: the caller's fault, and nobody's cost. */
  refuse(status: number, headers: string[], body: Buffer): void;
  fail(fault: Fault): void;
}

/** One kind of answer: reads the bytes of a replica and tells the delivery what to do. */
export interface Answer {
  /** From the engine, if it names one. */
  readonly upstreamId: string | null;
  /** Events and bytes come little by little, and cost what has come; a whole answer is one thing. */
  readonly form: 'events' | 'bytes' | 'whole';
  data(chunk: Buffer): void;
  end(): void;
  counts(): MeteredCounts;
}
