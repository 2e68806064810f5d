import type { Answer, Delivery } from './delivery.ts';
import { errorBeforeContent, unreadable } from './fault.ts';
import { headersToClient, isEncoded, requestIdHeaders } from './headers.ts';
import { Cursor, OPEN_BRACE, skipSpace } from './scan.ts';
import type { AnswerHeaders } from './upstream.ts';
import { findUpstreamId } from './upstream-id.ts';
import { estimateTokens, findUsageInTail, type MeteredCounts } from './usage.ts';

const TAIL_BYTES = 64 * 1024;

/** An answer in one piece. Its last chunk waits until the usage, found in the last bytes, is in the journal. */
export class WholeAnswer implements Answer {
  readonly isStream = false;
  upstreamId: string | null = null;
  readonly #delivery: Delivery;
  readonly #headers: string[];
  readonly #contentLength: string | undefined;
  readonly #isEncoded: boolean;
  #held: Buffer | undefined;
  /** The last chunks, the held one included. */
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #bytes = 0;

  constructor(delivery: Delivery, headers: AnswerHeaders, region: string) {
    this.#delivery = delivery;
    this.#headers = [...headersToClient(headers), ...requestIdHeaders(delivery.call.id), 'x-ecolink-region', region];
    this.#isEncoded = isEncoded(headers);
    const length = headers['content-length'];
    this.#contentLength = typeof length === 'string' ? length : undefined;
  }

  counts(): MeteredCounts {
    const usage = findUsageInTail(this.#tail.length === 1 && this.#tail[0] ? this.#tail[0] : Buffer.concat(this.#tail));
    if (usage) return { ...usage, estimated: false };
    const input_tokens = estimateTokens(this.#delivery.call.body.bytes.length);
    return { input_tokens, cached_input_tokens: 0, output_tokens: estimateTokens(this.#bytes), estimated: true };
  }

  data(chunk: Buffer): void {
    this.#remember(chunk);
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
    if (this.#open(last)) this.#delivery.complete(this.counts(), last);
  }

  /** Sends the head, unless this is no answer to what was asked. */
  #open(first: Buffer): boolean {
    if (this.#delivery.isOpen) return true;
    if (this.#delivery.hasHead) {
      this.#delivery.fail(unreadable('answered in one piece where a stream was asked for'));
      return false;
    }
    if (isError(first)) {
      this.#delivery.fail(errorBeforeContent());
      return false;
    }
    const isAll = this.#held === undefined || first === this.#held;
    if (!this.#isEncoded && !mayBeJson(first, { isAll })) {
      this.#delivery.fail(unreadable('answered with something else than JSON'));
      return false;
    }
    const length = this.#contentLength ?? (isAll ? String(first.length) : undefined);
    this.#delivery.open(200, length === undefined ? this.#headers : [...this.#headers, 'content-length', length]);
    return true;
  }

  #remember(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    while (this.#tailBytes - (this.#tail[0]?.length ?? 0) >= TAIL_BYTES)
      this.#tailBytes -= this.#tail.shift()?.length ?? 0;
  }
}

/** An `error` object under a good status, as some engines do it. */
function isError(body: Buffer): boolean {
  if (body[0] !== OPEN_BRACE) return false;
  const members = new Cursor(body, 0);
  return members.next() && members.key() === 'error' && body[members.valueStart] === OPEN_BRACE;
}

/** Some servers send spaces to keep the connection before they answer. */
function mayBeJson(first: Buffer, { isAll }: { isAll: boolean }): boolean {
  const start = first[skipSpace(first, 0)];
  return start === undefined ? !isAll : start === OPEN_BRACE;
}
