import { z } from 'zod';
import { EcoError } from '../../sdk/contract/index.ts';
import type { Answer, Delivery } from './delivery.ts';
import { requestIdHeaders } from './headers.ts';
import { type MeteredCounts, NOTHING } from './usage.ts';

const BODY_BYTES_MAX = 64 * 1024;
const MESSAGE_CHARS_MAX = 4_000;

const OpenAiError = z.looseObject({ error: z.looseObject({ message: z.string() }) });
/** As vLLM wrote it before it took up the envelope. */
const FlatError = z.looseObject({ object: z.literal('error'), message: z.string().max(MESSAGE_CHARS_MAX) });

/** A 4xx of the engine: passes if it speaks OpenAI's envelope, else is put into one without its raw text. */
export class ErrorAnswer implements Answer {
  readonly isStream = false;
  readonly upstreamId = null;
  readonly #delivery: Delivery;
  readonly #status: number;
  readonly #region: string;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(delivery: Delivery, status: number, region: string) {
    this.#delivery = delivery;
    this.#status = status;
    this.#region = region;
  }

  counts(): MeteredCounts {
    return NOTHING;
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= BODY_BYTES_MAX) this.#parts.push(chunk);
  }

  end(): void {
    const body = this.#body();
    const headers = ['content-type', 'application/json', ...requestIdHeaders(this.#delivery.call.id)];
    headers.push('x-ecolink-region', this.#region, 'content-length', String(body.length));
    this.#delivery.refuse(this.#status, headers, body);
  }

  #body(): Buffer {
    const raw = Buffer.concat(this.#parts);
    const value = this.#bytes <= BODY_BYTES_MAX ? parse(raw) : undefined;
    if (OpenAiError.safeParse(value).success) return raw;
    const flat = FlatError.safeParse(value);
    const message = flat.success ? flat.data.message : `The model's server refused the request (${this.#status}).`;
    const wrapped = new EcoError('upstream_error', message, { status: this.#status });
    return Buffer.from(JSON.stringify(wrapped.toBody(this.#delivery.call.id)));
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
