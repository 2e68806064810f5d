import { type Dispatcher, Pool } from 'undici';

/** What the answer of a replica is told to, in order: `start`, `data`…, then `end` or, at any time, `failed`. */
export interface AnswerSink {
  start(status: number, headers: AnswerHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  failed(error: UpstreamFailure): void;
}

/** By lower-case name. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface UpstreamFailure {
  /** `connect`: nothing was sent. `reset`: the connection ended too early. */
  type: 'connect' | 'reset';
  cause: unknown;
}

/** One request on its way: the answer can be held up, or given up. After `abort` nothing more is told. */
export interface UpstreamCall {
  pause(): void;
  resume(): void;
  abort(): void;
}

export interface UpstreamRequest {
  path: string;
  /** Name, value, name, value… */
  headers: string[];
  body: Buffer;
}

const KEEP_ALIVE_MS = 4_000; // below the five seconds of uvicorn, so that we are the one who closes
const IDLE_POOL_MS = 60_000;

interface Entry {
  pool: Pool;
  running: number;
  usedAt: number;
}

/** Connections to replicas, one pool for each origin; pools that nobody uses are closed. */
export class Upstream implements AsyncDisposable {
  readonly #connectTimeoutMs: number;
  readonly #pools = new Map<string, Entry>();
  readonly #sweeper = setInterval(() => this.#sweep(), IDLE_POOL_MS).unref();

  constructor({ connectTimeoutMs }: { connectTimeoutMs: number }) {
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  send(origin: string, request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    try {
      return this.#dispatch(origin, request, sink);
    } catch (cause) {
      const call = new UndiciCall(sink, () => {});
      call.onResponseError(undefined, cause as Error); // what is no address is as unreachable as one where nobody is
      return call;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.destroy()));
    this.#pools.clear();
  }

  #dispatch(origin: string, request: UpstreamRequest, sink: AnswerSink): UpstreamCall {
    const entry = this.#pools.get(origin) ?? this.#open(origin);
    entry.running++;
    const call = new UndiciCall(sink, () => {
      entry.running--;
      entry.usedAt = performance.now();
    });
    entry.pool.dispatch({ method: 'POST', ...request }, call);
    return call;
  }

  /** Clocks are ours: no time-out of the library may cut a long prefill. */
  #open(origin: string): Entry {
    const pool = new Pool(origin, {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      allowH2: false,
      connect: { timeout: this.#connectTimeoutMs, noDelay: true },
    });
    const entry = { pool, running: 0, usedAt: performance.now() };
    this.#pools.set(origin, entry);
    return entry;
  }

  #sweep(): void {
    const limit = performance.now() - IDLE_POOL_MS;
    for (const [origin, { pool, running, usedAt }] of this.#pools) {
      if (running > 0 || usedAt > limit) continue;
      this.#pools.delete(origin);
      void pool.close();
    }
  }
}

const ABORTED = new Error('given up');

/** The seam to undici: its handler on one side, our sink on the other. */
class UndiciCall implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #sink: AnswerSink;
  readonly #onEnd: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #isSilent = false;
  #hasStarted = false;

  constructor(sink: AnswerSink, onEnd: () => void) {
    this.#sink = sink;
    this.#onEnd = onEnd;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    this.#isSilent = true;
    this.#controller?.abort(ABORTED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#hasStarted = true;
    if (this.#isSilent) controller.abort(ABORTED); // given up while it was connecting
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (status >= 200 && !this.#isSilent) this.#sink.start(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isSilent) this.#sink.data(chunk);
  }

  onResponseEnd(): void {
    this.#onEnd();
    if (!this.#isSilent) this.#sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    this.#onEnd();
    queueMicrotask(() => this.#fail(cause)); // undici may call this within `dispatch`, before `send` has returned
  }

  #fail(cause: Error): void {
    if (!this.#isSilent) this.#sink.failed({ type: this.#hasStarted ? 'reset' : 'connect', cause });
  }
}
