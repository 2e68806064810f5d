import type { MeteredCounts } from '../counting/usage.ts';
import { cutStream, errorBeforeContent, errorInStream, type Fault, unreadable } from '../fault.ts';
import type { EventTally } from '../services/service.ts';
import type { Answer, Delivery } from './delivery.ts';
import type { Dialect } from './dialect.ts';
import { EventSplitter } from './event-splitter.ts';
import { type StreamEvent, withoutUsage } from './stream-event.ts';
import { findUpstreamId } from './upstream-id.ts';

const PREAMBLE_EVENTS_MAX = 64;
const PREAMBLE_BYTES_MAX = 256 * 1024;

/** A stream of events: each passes as soon as it is whole, without the usage that the client did not ask for. */
export class StreamAnswer implements Answer {
  readonly form = 'events';
  upstreamId: string | null = null;
  readonly #delivery: Delivery;
  readonly #splitter = new EventSplitter();
  readonly #dialect: Dialect;
  readonly #tally: EventTally;
  /** The engine tells usage in every event because we asked for it. */
  readonly #isContinuous: boolean;
  /** Events before the first content wait, so that another replica can still take over. */
  #preamble: Buffer[] = [];
  #preambleBytes = 0;
  #hasContent = false;
  #isFinished = false;
  #isDone = false;
  #hasError = false;
  /** Completed or failed: whatever comes now is nobody's. */
  #isOver = false;

  constructor(delivery: Delivery, dialect: Dialect, { isContinuous }: { isContinuous: boolean }) {
    this.#delivery = delivery;
    this.#dialect = dialect;
    this.#tally = delivery.call.route.service.tallyEvents(delivery.call.body);
    this.#isContinuous = isContinuous;
  }

  counts(): MeteredCounts {
    return this.#tally.counts();
  }

  data(chunk: Buffer): void {
    this.#pass(this.#splitter.split(chunk));
    const { eventBytesMax } = this.#dialect;
    if (this.#splitter.held > eventBytesMax)
      this.#fail(unreadable(`sent an event of more than ${eventBytesMax} bytes`));
  }

  end(): void {
    const rest = this.#splitter.rest();
    if (rest.length > 0 && this.#isWhole(rest)) this.#pass([rest]);
    if (this.#isFinished && !this.#hasError) this.#complete(this.#preamble);
    else this.#fail(this.#hasError ? errorInStream() : cutStream());
  }

  /** The last event may lack its empty line, but half a chunk must not pass. */
  #isWhole(rest: Buffer): boolean {
    const { type } = this.#dialect.read(rest);
    return type !== 'opaque';
  }

  #pass(events: readonly Buffer[]) {
    const shown: Buffer[] = [];
    for (const source of events) {
      const event = this.#dialect.read(source);
      if (event.type === 'error' && !this.#delivery.isOpen) return this.#fail(errorBeforeContent());
      this.#note(event, source);
      const bytes = this.#show(event, source);
      if (bytes) shown.push(bytes);
      if (this.#isDone) break;
    }
    this.#deliver(shown);
  }

  #note(event: StreamEvent, source: Buffer): void {
    this.#tally.note(event);
    this.#hasError ||= event.type === 'error';
    this.#isFinished ||= event.isFinished;
    this.#isDone = event.type === 'done';
    if (this.#hasContent || !event.hasContent) return;
    this.#hasContent = true;
    this.upstreamId = findUpstreamId(source);
  }

  /** What the client sees of an event; undefined: nothing. */
  #show(event: StreamEvent, source: Buffer): Buffer | undefined {
    const { wantsEvents, body } = this.#delivery.call;
    const { includeUsage, continuousUsage } = body;
    if (!wantsEvents || continuousUsage || !event.usageSpan) return source;
    if (event.choice === undefined && event.usage) return includeUsage ? source : undefined;
    return includeUsage && !this.#isContinuous ? source : withoutUsage(event);
  }

  #deliver(shown: readonly Buffer[]) {
    if (!this.#delivery.isOpen && !this.#isReady(shown)) return;
    const bytes = [...this.#preamble, ...shown];
    this.#preamble = [];
    if (this.#isDone && !this.#hasError) return this.#complete(bytes);
    this.#delivery.openStream();
    if (this.#hasContent) this.#delivery.noteContent();
    if (bytes.length > 0) this.#delivery.write(joined(bytes));
    if (this.#isDone) this.#fail(errorInStream());
  }

  /** Whether the preamble may go: with content behind it, or because it has become too long. */
  #isReady(shown: readonly Buffer[]): boolean {
    if (this.#hasContent || this.#isFinished || this.#isDone) return true;
    this.#preamble.push(...shown);
    for (const { length } of shown) this.#preambleBytes += length;
    const isTooLong = this.#preamble.length > PREAMBLE_EVENTS_MAX || this.#preambleBytes > PREAMBLE_BYTES_MAX;
    if (isTooLong) this.#deliverPreamble();
    return false;
  }

  #deliverPreamble(): void {
    this.#delivery.openStream();
    this.#delivery.write(joined(this.#preamble));
    this.#preamble = [];
  }

  #complete(bytes: readonly Buffer[]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#delivery.openStream();
    if (this.#hasContent) this.#delivery.noteContent();
    this.#delivery.complete(this.counts(), bytes.length === 0 ? undefined : joined(bytes));
  }

  #fail(fault: Fault): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#delivery.fail(fault);
  }
}

const joined = (parts: readonly Buffer[]): Buffer => {
  const [only] = parts;
  return parts.length === 1 && only ? only : Buffer.concat(parts);
};
