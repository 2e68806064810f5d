import { EcoError, type Endpoint, type Input, type Output, type PageOf } from './contract/index.ts';
import { parseJson, readFailure } from './failure.ts';
import { Listing, type Query, type Row } from './pagination.ts';
import { type PlannedRequest, planRequest } from './request.ts';
import { aborted, retryDelayMs, sleep, TIMER_MAX_MS } from './retry.ts';

export interface EcoOptions {
  /** Default: `ECO_API_KEY`, where there is an environment. */
  apiKey?: string | undefined;
  /** Without `/v1`. Default: `ECO_API_URL`, else a server on this machine. */
  baseUrl?: string | undefined;
  fetch?: typeof fetch | undefined;
  /** Attempts after the first one; default 2. */
  maxRetries?: number | undefined;
  /** Of one attempt, up to the whole answer, or to the head of a stream; default 60 s. `Infinity`: none. */
  timeoutMs?: number | undefined;
  headers?: Record<string, string> | undefined;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
  /** Of a POST: the same key and input twice is done once. Default: a new one per call, kept over its retries. */
  idempotencyKey?: string | undefined;
}

export const DEFAULT_URL = 'http://127.0.0.1:8080';
const TIMEOUT_MS = 60_000;
const RETRIES = 2;

/** Speaks the contract over fetch: one method for documents, one for lists, one for the head of a stream. */
export class Client {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly fetch: typeof fetch;
  readonly #options: EcoOptions;

  constructor(options: EcoOptions = {}) {
    this.#options = options;
    this.apiKey = options.apiKey ?? environment('ECO_API_KEY');
    this.baseUrl = (options.baseUrl ?? environment('ECO_API_URL') ?? DEFAULT_URL).replace(/\/+$/, '');
    this.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  /** Calls an endpoint and returns its document as the server sent it: fields of a newer server stay. Rejects with `EcoError`. */
  call<E extends Endpoint>(endpoint: E, input: Input<E>, options?: RequestOptions): Promise<Output<E>> {
    return this.#attempts(endpoint, input, options, readDocument<Output<E>>);
  }

  /** A list that can be awaited (one page) or iterated (all rows). */
  list<E extends Endpoint>(endpoint: E, query: Query<E>, options?: RequestOptions): Listing<Row<E>> {
    return new Listing((after) => {
      const input = after === undefined ? query : { ...query, after };
      return this.#attempts(endpoint, input, options, readDocument<PageOf<Row<E>>>);
    });
  }

  /** The response of an endpoint that streams, as soon as its head is there. Errors up to then are retried like others. */
  open<E extends Endpoint>(endpoint: E, input: unknown, options?: RequestOptions): Promise<Response> {
    return this.#attempts(endpoint, input, options, async (response) => response);
  }

  async #attempts<T>(
    endpoint: Endpoint,
    input: unknown,
    options: RequestOptions = {},
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const request = planRequest(this.baseUrl, endpoint, input as Record<string, unknown>);
    const headers = this.#headers(endpoint, options);
    const retries = options.maxRetries ?? this.#options.maxRetries ?? RETRIES;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(request, headers, options, read);
      } catch (error) {
        const delayMs = attempt < retries ? retryDelayMs(error, attempt) : undefined;
        if (delayMs === undefined) throw error;
        await sleep(delayMs, options.signal);
      }
    }
  }

  async #attempt<T>(
    { method, url, body }: PlannedRequest,
    headers: Record<string, string>,
    options: RequestOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { signal } = options;
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS;
    const timeout = new AbortController();
    const timer = timeoutMs <= TIMER_MAX_MS ? setTimeout(() => timeout.abort(), timeoutMs) : undefined;
    try {
      const stop = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
      const response = await this.fetch(url, { method, headers, signal: stop, ...(body !== undefined && { body }) });
      if (!response.ok) throw await readFailure(response, `${method} ${url}`);
      return await read(response);
    } catch (cause) {
      if (cause instanceof EcoError) throw cause;
      if (signal?.aborted) throw aborted(signal);
      if (timeout.signal.aborted) throw timedOut(`${method} ${url}`, timeoutMs);
      throw unreachable(this.baseUrl, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  #headers({ method, scope, body }: Endpoint, { idempotencyKey }: RequestOptions): Record<string, string> {
    if (this.apiKey === undefined && scope !== 'public') throw noKey();
    return {
      accept: 'application/json',
      ...this.#options.headers,
      ...(this.apiKey !== undefined && { authorization: `Bearer ${this.apiKey}` }),
      ...((method === 'POST' || method === 'PUT') && body === 'json' && { 'content-type': 'application/json' }),
      ...(method === 'POST' && { 'idempotency-key': idempotencyKey ?? crypto.randomUUID() }),
    };
  }
}

async function readDocument<T>(response: Response): Promise<T> {
  const document = parseJson(await response.text());
  if (document !== undefined) return document as T;
  throw new EcoError('invalid_answer', `${response.url} answered ${response.status} with something other than JSON.`, {
    status: response.status,
    hint: 'Check ECO_API_URL: is it EcoLink that answers there?',
  });
}

/** Browsers have no environment; Deno asks before it lets one be read, so only what is missing is looked up. */
function environment(name: string): string | undefined {
  return (typeof process === 'undefined' ? undefined : process.env?.[name]) || undefined;
}

const noKey = () =>
  new EcoError('invalid_api_key', 'No API key. Pass { apiKey } or set ECO_API_KEY.', { hint: 'eco login' });

const timedOut = (request: string, timeoutMs: number) =>
  new EcoError('request_timeout', `${request} was not answered within ${timeoutMs} ms.`);

/** Also for a connection that broke in the middle of an answer. */
export function unreachable(baseUrl: string, cause: unknown): EcoError {
  return new EcoError('connection_error', `No answer from ${baseUrl} (${reasonOf(cause)}).`, {
    status: 0,
    cause,
    hint: 'Start a server with: eco dev, or name another one in ECO_API_URL.',
  });
}

/** fetch says only "fetch failed"; what failed is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return (cause as { code?: string }).code ?? cause.message;
  return error.message;
}
