import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { ApiError, toApiError } from './api-error.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { readText } from './read-text.ts';

export interface Call {
  method?: 'GET' | 'PATCH' | 'POST' | 'DELETE' | undefined;
  query?: Record<string, string | number | boolean | undefined> | undefined;
  body?: unknown;
  contentType?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Of the whole call, or up to the head of a stream. */
  timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_DELAY_MS = 500;
const RETRY_DELAY_MAX_MS = 5_000;
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const REFUSAL_BYTES_MAX = 1024 * 1024;

/** One region's API server: every call has a deadline, and is tried once more where that can do no harm. */
export class Connection implements AsyncDisposable {
  readonly #source: CredentialSource;
  #agent: { identity: string; agent: Agent } | undefined;

  constructor(source: CredentialSource) {
    this.#source = source;
  }

  /** The document that answers. Throws `ApiError`, or what broke the connection. Applies and deletions may be repeated. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    try {
      return await this.#json(path, call);
    } catch (error) {
      const delayMs = call.method === 'POST' ? undefined : retryDelayMs(error);
      if (delayMs === undefined || call.signal?.aborted) throw error;
      await sleep(delayMs, undefined, { signal: call.signal });
      return this.#json(path, call);
    }
  }

  /** The answer as a stream, as soon as its head is there; without a deadline or a limit from then on. */
  async open(path: string, { timeoutMs = TIMEOUT_MS, signal, ...call }: Call): Promise<Dispatcher.ResponseData> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new NoAnswer(timeoutMs)), timeoutMs);
    try {
      const stop = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
      return await this.#send(path, { ...call, signal: stop });
    } catch (error) {
      if (error instanceof NoAnswer) this.leave();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** For what is not plain HTTP: where to connect, and with what. */
  credentials(): Promise<Credentials> {
    return this.#source.read();
  }

  /** For after a silence, as connections die without a word: what comes gets new ones, and what goes on keeps its own. */
  leave(): void {
    void this.#agent?.agent.close();
    this.#agent = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.agent.destroy();
  }

  async #json<T>(path: string, { timeoutMs = TIMEOUT_MS, signal, ...call }: Call): Promise<T> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const { body } = await this.#send(path, { ...call, signal: stop });
      return JSON.parse(await readText(body, BODY_BYTES_MAX)) as T;
    } catch (error) {
      if (!deadline.aborted || signal?.aborted) throw error;
      this.leave();
      throw new NoAnswer(timeoutMs, { cause: error });
    }
  }

  /** Throws what the server refuses. */
  async #send(path: string, call: Call & { signal: AbortSignal }): Promise<Dispatcher.ResponseData> {
    const credentials = await before(call.signal, this.#source.read());
    const { statusCode, headers, ...response } = await this.#request(path, call, credentials);
    if (statusCode < 300) return { statusCode, headers, ...response };
    if (statusCode === 401) await this.#source.refused();
    throw toApiError(statusCode, await readText(response.body, REFUSAL_BYTES_MAX), headers['retry-after']);
  }

  #request(path: string, { method = 'GET', query = {}, body, contentType, signal }: Call, credentials: Credentials) {
    const url = new URL(`${credentials.origin}${credentials.basePath}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const content = body === undefined ? undefined : JSON.stringify(body);
    return request(url, {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': 'ecolink',
        ...credentials.headers,
        ...(content !== undefined && { 'content-type': contentType ?? 'application/json' }),
      },
      ...(content !== undefined && { body: content }),
      ...(signal && { signal }),
      dispatcher: this.#agentFor(credentials),
    });
  }

  /**
   * Clocks are ours; a rotated certificate gets connections of its own. Over HTTP/2 all would share one, and a request
   * that is given up would leave it as it is.
   */
  #agentFor({ tls }: Credentials): Agent {
    const identity = createHash('sha256').update(`${tls.ca} ${tls.cert} ${tls.key}`).digest('hex');
    if (this.#agent?.identity === identity) return this.#agent.agent;
    this.leave();
    const connect = { ...tls, timeout: CONNECT_TIMEOUT_MS };
    const agent = new Agent({ allowH2: false, connect, headersTimeout: 0, bodyTimeout: 0 });
    this.#agent = { identity, agent };
    return agent;
  }
}

class NoAnswer extends Error {
  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`no answer within ${timeoutMs / 1000} s`, options);
  }
}

/** What is promised, or the signal's reason if that comes first. */
function before<T>(signal: AbortSignal, promised: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    promised.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
}

/** After a lost connection, an overload or a fault of the server; undefined where it would do no good, or is too early. */
function retryDelayMs(error: unknown): number | undefined {
  if (error instanceof NoAnswer) return undefined;
  if (!(error instanceof ApiError)) return RETRY_DELAY_MS;
  if (error.status === 401) return 0; // with what has been loaded anew
  if (error.status !== 429 && error.status < 500) return undefined;
  const delayMs = (error.retryAfter ?? 0) * 1000 || RETRY_DELAY_MS;
  return delayMs <= RETRY_DELAY_MAX_MS ? delayMs : undefined;
}
