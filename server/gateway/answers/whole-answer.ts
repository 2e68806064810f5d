import type { MeteredCounts } from '../counting/usage.ts';
import { errorBeforeContent, type Fault, unreadable } from '../fault.ts';
import { headersToClient, isEncoded, requestIdHeaders } from '../headers.ts';
import { Cursor, OPEN_BRACE, OPEN_BRACKET, skipSpace } from '../scan.ts';
import type { WholeTally } from '../services/service.ts';
import type { AnswerHeaders } from '../upstream.ts';
import type { Answer, Delivery } from './delivery.ts';
import { findUpstreamId } from './upstream-id.ts';

/** An answer in one piece. Its last chunk waits until what it used, mostly told in its last bytes, is in the journal. */
export class WholeAnswer implements Answer {
  readonly form = 'whole';
  upstreamId: string | null = null;
  readonly #delivery: Delivery;
  readonly #tally: WholeTally;
  readonly #headers: string[];
  readonly #contentLength: string | undefined;
  /** Whether it must be JSON, as far as can be seen. */
  readonly #isJson: boolean;
  readonly #isForAudio: boolean;
  #held: Buffer | undefined;

  constructor(delivery: Delivery, tally: WholeTally, { headers, region }: { headers: AnswerHeaders; region: string }) {
    this.#delivery = delivery;
    this.#tally = tally;
    this.#headers = [...headersToClient(headers), ...requestIdHeaders(delivery.call.id), 'x-ecolink-region', region];
    const { answer } = delivery.call.route.service;
    this.#isJson = answer === 'json' && !isEncoded(headers);
    this.#isForAudio = answer === 'audio';
    const length = headers['content-length'];
    this.#contentLength = typeof length === 'string' ? length : undefined;
  }

  counts(): MeteredCounts {
    return this.#tally.counts();
  }

  data(chunk: Buffer): void {
    this.#tally.note(chunk);
    const before = this.#held;
    this.#held = chunk;
    if (!before) {
      this.upstreamId = findUpstreamId(chunk);
      return;
    }
    if (!this.#open(before)) return;
    this.#delivery.noteContent();
    this.#delivery.write(before);
  }

  end(): void {
    const last = this.#held ?? Buffer.alloc(0);
    if (!this.#open(last)) return;
    this.#tally.end();
    this.#delivery.complete(this.counts(), last);
  }

  /** Sends the head, unless this is no answer to what was asked. */
  #open(first: Buffer): boolean {
    if (this.#delivery.isOpen) return true;
    const isAll = this.#held === undefined || first === this.#held;
    const fault = this.#faultOf(first, { isAll });
    if (fault) {
      this.#delivery.fail(fault);
      return false;
    }
    const length = this.#contentLength ?? (isAll ? String(first.length) : undefined);
    this.#delivery.open(200, length === undefined ? this.#headers : [...this.#headers, 'content-length', length]);
    return true;
  }

  #faultOf(first: Buffer, { isAll }: { isAll: boolean }): Fault | undefined {
    if (this.#delivery.hasHead) return unreadable('answered in one piece where a stream was asked for');
    if (isError(first) || (this.#isForAudio && isRefusal(first))) return errorBeforeContent();
    return this.#isJson && !mayBeJson(first, { isAll })
      ? unreadable('answered with something else than JSON')
      : undefined;
  }
}

/** An `error` object under a good status, as some engines do it. */
function isError(body: Buffer): boolean {
  if (body[0] !== OPEN_BRACE) return false;
  const members = new Cursor(body, 0);
  return members.next() && members.key() === 'error' && body[members.valueStart] === OPEN_BRACE;
}

/** Where audio was asked for, every way in which servers say in JSON that something went wrong. */
function isRefusal(body: Buffer): boolean {
  const members = new Cursor(body, skipSpace(body, 0));
  while (members.next()) {
    const key = members.key();
    if (key === 'detail' || (key === 'error' && members.text() !== 'null')) return true;
    if (key === 'object' && members.text() === '"error"') return true;
  }
  return false;
}

/** Some servers send spaces to keep the connection before they answer. */
function mayBeJson(first: Buffer, { isAll }: { isAll: boolean }): boolean {
  const start = first[skipSpace(first, 0)];
  return start === undefined ? !isAll : start === OPEN_BRACE || start === OPEN_BRACKET;
}
