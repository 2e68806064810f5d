import { z } from 'zod';
import { EcoError } from '../../../sdk/contract/index.ts';
import { type MeteredCounts, NOTHING } from '../counting/usage.ts';
import { requestIdHeaders } from '../headers.ts';
import type { Answer, Delivery } from './delivery.ts';

const BODY_BYTES_MAX = 64 * 1024;
const MESSAGE_CHARS_MAX = 4_000;

const FieldError = z.looseObject({ loc: z.array(z.union([z.string(), z.number()])).max(20), msg: z.string().max(500) });
const sayField = ({ loc, msg }: z.infer<typeof FieldError>) =>
  `${loc.filter((each) => each !== 'body').join('.')}: ${msg}`;

const message = z.string().min(1).max(MESSAGE_CHARS_MAX);
const OpenAiError = z.looseObject({ error: z.looseObject({ message: z.string() }) });
/** What engines say otherwise: vLLM of old, Ollama and text-embeddings-inference, FastAPI's own refusals and those of applications on it. */
const otherErrors = z.union([
  z.looseObject({ object: z.literal('error'), message }).transform(({ message }) => message),
  z.looseObject({ error: message }).transform(({ error }) => error),
  z.looseObject({ detail: message }).transform(({ detail }) => detail),
  z.looseObject({ detail: z.looseObject({ message }) }).transform(({ detail }) => detail.message),
  z
    .looseObject({ detail: z.array(FieldError).min(1).max(20) })
    .transform(({ detail }) => detail.map(sayField).join('; ')),
]);

/** A 4xx of the engine: passes if it speaks OpenAI's envelope, else is put into one without its raw text. */
export class ErrorAnswer implements Answer {
  readonly form = 'whole';
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
    const told = otherErrors.safeParse(value);
    const says = told.success ? told.data : `The model's server refused the request (${this.#status}).`;
    const wrapped = new EcoError('upstream_error', says, { status: this.#status });
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
