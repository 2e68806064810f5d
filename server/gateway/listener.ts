import type { IncomingMessage, ServerResponse } from 'node:http';
import { EcoError } from '../../sdk/contract/index.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Clocks, Timed } from './clocks.ts';
import type { ClientRequest, Reply, ReplyListener } from './reply.ts';
import { ClientGone } from './serve.ts';

/** The seam to `node:http`: what the core reads of a request. */
export function toClientRequest({ headers }: IncomingMessage): ClientRequest {
  return {
    authorization: headers.authorization,
    contentType: headers['content-type'],
    accept: headers.accept,
    traceparent: one(headers.traceparent),
    tracestate: one(headers.tracestate),
    clientRequestId: one(headers['x-request-id']),
  };
}

const one = (value: string | string[] | undefined) => (typeof value === 'string' ? value : undefined);

export class NodeReply implements Reply {
  listener: ReplyListener | undefined;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('drain', () => this.listener?.drained());
    response.on('close', () => this.listener?.clientLeft());
    response.on('error', () => {}); // a write to a client that is gone; `close` tells
  }

  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  head(status: number, headers: readonly string[]): void {
    this.#response.writeHead(status, headers as string[]);
  }

  write(bytes: Buffer): boolean {
    return this.#response.write(bytes);
  }

  end(bytes?: Buffer): void {
    this.#response.end(bytes);
  }

  destroy(): void {
    this.#response.destroy();
  }
}

const STALL_TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 300_000;

export interface BodyLimits {
  bytesMax: number;
  budget: ByteBudget;
  clocks: Clocks;
  stallTimeoutMs?: number;
}

/** The whole body of a request, taken out of the budget as it comes. Rejects with the refusal, and then holds nothing. */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => new Upload(request, limits, { resolve, reject }).start());
}

interface Outcome {
  resolve(body: Buffer): void;
  reject(error: Error): void;
}

class Upload implements Timed {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #outcome: Outcome;
  readonly #startedAt: number;
  readonly #chunks: Buffer[] = [];
  slot = -1;
  #bytes = 0;
  #chunkAt: number;
  #isOver = false;

  constructor(request: IncomingMessage, limits: BodyLimits, outcome: Outcome) {
    this.#request = request;
    this.#limits = limits;
    this.#outcome = outcome;
    this.#startedAt = limits.clocks.now;
    this.#chunkAt = limits.clocks.now;
  }

  start() {
    const { bytesMax, clocks } = this.#limits;
    if (Number(this.#request.headers['content-length'] ?? 0) > bytesMax) return this.#fail(tooLarge(bytesMax));
    clocks.add(this);
    this.#request.on('data', (chunk: Buffer) => this.#data(chunk));
    this.#request.on('end', () => this.#end());
    this.#request.on('close', () => this.#leave());
    this.#request.on('error', () => this.#leave());
  }

  tick(now: number): void {
    const stallMs = this.#limits.stallTimeoutMs ?? STALL_TIMEOUT_MS;
    if (now - this.#chunkAt >= stallMs || now - this.#startedAt >= UPLOAD_TIMEOUT_MS) this.#fail(stalled());
  }

  #data(chunk: Buffer) {
    if (this.#isOver) return;
    if (this.#bytes + chunk.length > this.#limits.bytesMax) return this.#fail(tooLarge(this.#limits.bytesMax));
    if (!this.#limits.budget.take(chunk.length)) return this.#fail(overloaded());
    this.#bytes += chunk.length;
    this.#chunkAt = this.#limits.clocks.now;
    this.#chunks.push(chunk);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#close();
    const [only] = this.#chunks;
    this.#outcome.resolve(this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#bytes));
  }

  #leave(): void {
    if (!this.#isOver) this.#fail(new ClientGone());
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#close();
    this.#limits.budget.give(this.#bytes);
    this.#outcome.reject(error);
  }

  #close(): void {
    this.#isOver = true;
    this.#limits.clocks.delete(this);
  }
}

const RETRY_AFTER_S = 1;

const tooLarge = (bytesMax: number) =>
  new EcoError('request_too_large', `The body is larger than ${bytesMax} bytes, which is the most this server takes.`);
const overloaded = () =>
  new EcoError('overloaded', 'Too many bytes of requests are in flight. Try again in a moment.', {
    retryAfter: RETRY_AFTER_S,
  });
const stalled = () => new EcoError('request_timeout', 'The body did not arrive in time. Send the request again.');
