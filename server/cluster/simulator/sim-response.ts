import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';
import { type Bytes, type Content, contentOf, type Piece, putTogether, takeApart } from './pieces.ts';
import type { Reply } from './reply.ts';
import { cutCharacter, isRecord, type Json, rewriteUsage, withText } from './rewrite.ts';

/** What happens to an answer between its service and the socket. */
export interface Course {
  faults: readonly Fault[];
  /** Puts what is said in vLLM's shape into that of the engine; undefined where it does not say such a thing. */
  dress: ((value: Json) => unknown) | undefined;
  /** How the engine words a failure. */
  failure: Reply;
  /** Between two tokens of a stream that never ends. */
  everyMs: number;
}

type Done = (error?: Error | null) => void;

const DONE = 'data: [DONE]\n\n';
const BIG_CHARACTERS = 1_000_000;

/** A response that speaks as the engine does and suffers what its request is to suffer, whatever service writes it. */
export class SimResponse extends ServerResponse<IncomingMessage> {
  /** Nothing more will come of it: it stalls, was cut, or has failed. */
  isStuck = false;
  #course: Course | undefined;
  #content: Content = 'bytes';
  /** Held back until the first byte: a failure has another status. */
  #head: { status: number; headers: OutgoingHttpHeaders } | undefined;
  #given = 0;
  #last: Bytes | undefined;
  readonly #struck = new Set<Fault>();

  /** From now on; undefined for an answer that is sent as it is. */
  follow(course: Course | undefined): void {
    this.#course = course;
  }

  faultOf(kind: Fault['kind']): Fault | undefined {
    return this.#course?.faults.find((fault) => fault.kind === kind);
  }

  override writeHead(status: number, ...rest: HeadRest): this {
    const headers = rest.find(isRecord) as OutgoingHttpHeaders | undefined;
    if (!this.#course || !headers) return super.writeHead(status, ...(rest as [OutgoingHttpHeaders]));
    const { 'content-length': _length, ...kept } = headers;
    this.#content = contentOf(String(kept['content-type'] ?? ''));
    if (this.#content === 'events') return super.writeHead(status, kept);
    this.#head = { status, headers: kept };
    return this;
  }

  override write(chunk: Bytes, encoding?: BufferEncoding | Done, done?: Done): boolean {
    if (!this.#course) return super.write(chunk, encoding as BufferEncoding, done);
    let isFree = true;
    for (const piece of takeApart(this.#content, chunk)) isFree = this.#pass(piece, this.#course);
    return isFree;
  }

  override end(chunk?: Bytes | Done, encoding?: BufferEncoding | Done, done?: Done): this {
    if (!this.#course) return super.end(chunk, encoding as BufferEncoding, done);
    if (chunk !== undefined && typeof chunk !== 'function') this.write(chunk);
    if (this.isStuck) return this;
    if (this.#suffers('endless') && this.#last !== undefined) return this.#repeat(this.#last, this.#course.everyMs);
    this.#sendHead();
    return super.end();
  }

  #pass(piece: Piece, course: Course): boolean {
    if (this.isStuck) return true;
    if (this.#suffers('headers-only')) return this.#stop(() => this.#sendHead().flushHeaders());
    if (piece.tokens > 0 || this.#content === 'json') this.#strike(piece, course);
    if (this.isStuck || this.#isLeftOut(piece)) return true;
    const bytes = this.#wordsOf(piece, course);
    if (bytes === undefined) return true;
    this.#given += piece.tokens;
    if (piece.tokens > 0) this.#last = bytes;
    return this.#sendHead().#raw(bytes);
  }

  /** The faults whose time has come. */
  #strike(piece: Piece, course: Course): void {
    for (const fault of course.faults) {
      const isDue = this.#content === 'json' || this.#given >= fault.after;
      if (!isDue || this.#struck.has(fault) || this.isStuck) continue;
      this.#struck.add(fault);
      this.#suffer(fault, piece, course);
    }
  }

  #suffer({ kind }: Fault, piece: Piece, { failure }: Course): void {
    switch (kind) {
      case 'stall':
        return void this.#stop(() => {});
      case 'cut':
        return void this.#stop(() => this.socket?.destroySoon());
      case 'reset-after':
        return void this.#stop(() => this.socket?.resetAndDestroy());
      case 'exit':
        process.exit(1);
        break;
      case 'error-event':
        return void this.#stop(() => this.#fail(failure));
      case 'half-event':
        return void this.#stop(() => this.#half(piece));
      case 'malformed':
        if (this.#content === 'events') return void this.#raw('data: {"id":\n\n');
        return void Object.assign(piece, { bytes: '{"id":', value: undefined });
      case 'big-event':
        if (piece.value && piece.tokens > 0) piece.value = withText(piece.value, 'x'.repeat(BIG_CHARACTERS));
    }
  }

  #stop(act: () => void): true {
    this.isStuck = true;
    act();
    return true;
  }

  #fail({ status, body }: Reply): void {
    const said = typeof body === 'string' ? body : JSON.stringify(body);
    if (this.#content === 'events') super.end(`data: ${said}\n\n${DONE}`);
    else if (this.headersSent) this.socket?.destroySoon();
    else {
      super.writeHead(status, { 'content-type': 'application/json' });
      super.end(said);
    }
  }

  #half({ bytes, value }: Piece): void {
    const whole = Buffer.from(bytes);
    const half = value && this.#content === 'events' ? cutCharacter(value) : whole.subarray(0, whole.length / 2);
    this.#sendHead().#raw(half);
    this.socket?.uncork();
    this.socket?.destroySoon();
  }

  #isLeftOut({ bytes, tokens }: Piece): boolean {
    if (bytes === DONE && this.#suffers('no-done')) return true;
    return this.#suffers('endless') && this.#content === 'events' && this.#given > 0 && tokens === 0;
  }

  #wordsOf(piece: Piece, { dress, faults }: Course): Bytes | undefined {
    if (!piece.value) return piece.bytes;
    const left = rewriteUsage(piece.value, faults);
    const said = left && dress ? dress(left) : left;
    return said === undefined ? undefined : putTogether(this.#content, piece, said);
  }

  #repeat(bytes: Bytes, everyMs: number): this {
    const timer = setInterval(() => this.writableNeedDrain || this.#raw(bytes), Math.max(1, everyMs));
    this.once('close', () => clearInterval(timer));
    return this;
  }

  #sendHead(): this {
    const head = this.#head;
    this.#head = undefined;
    return head ? super.writeHead(head.status, head.headers) : this;
  }

  #raw(bytes: Bytes): boolean {
    return super.write(bytes);
  }

  #suffers(kind: Fault['kind']): boolean {
    return this.faultOf(kind) !== undefined;
  }
}

type HeadRest = (string | OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined)[];
