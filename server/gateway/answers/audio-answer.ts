import type { MeteredCounts } from '../counting/usage.ts';
import { emptyAnswer, unreadable } from '../fault.ts';
import { headersToClient, requestIdHeaders } from '../headers.ts';
import type { WholeTally } from '../services/service.ts';
import type { AnswerHeaders } from '../upstream.ts';
import type { Answer, Delivery } from './delivery.ts';

/**
 * Bytes of audio. Each chunk passes at once; only the one that completes a known length waits until the call is in the
 * journal, as after it the client has all. A cut breaks the connection: there is no other way to say it.
 */
export class AudioAnswer implements Answer {
  readonly form = 'bytes';
  readonly upstreamId = null;
  readonly #delivery: Delivery;
  readonly #tally: WholeTally;
  readonly #headers: string[];
  readonly #length: number;
  #bytes = 0;
  #last: Buffer | undefined;

  constructor(delivery: Delivery, tally: WholeTally, { headers, region }: { headers: AnswerHeaders; region: string }) {
    this.#delivery = delivery;
    this.#tally = tally;
    this.#headers = [...headersToClient(headers), ...requestIdHeaders(delivery.call.id), 'x-ecolink-region', region];
    const length = headers['content-length'];
    this.#length = typeof length === 'string' ? Number(length) : Number.NaN;
    if (this.#length >= 0) this.#headers.push('content-length', String(this.#length));
  }

  counts(): MeteredCounts {
    return this.#tally.counts();
  }

  data(chunk: Buffer) {
    if (this.#delivery.hasHead && !this.#delivery.isOpen)
      return this.#delivery.fail(unreadable('answered with bytes where a stream of events was asked for'));
    if (!this.#delivery.isOpen) this.#delivery.open(200, this.#headers);
    this.#tally.note(chunk);
    this.#bytes += chunk.length;
    this.#delivery.noteContent();
    if (this.#bytes >= this.#length) this.#last = chunk;
    else this.#delivery.write(chunk);
  }

  end() {
    if (this.#bytes === 0) return this.#delivery.fail(emptyAnswer());
    this.#tally.end();
    this.#delivery.complete(this.counts(), this.#last);
  }
}
