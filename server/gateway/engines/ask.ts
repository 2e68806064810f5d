import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';

export interface Answer {
  status: number;
  text: string;
}

/** Questions to engines that are not their work: GETs with a deadline, a bound on the answer, and so many at a time. */
export interface Asking extends AsyncDisposable {
  /** Both throw where nobody answers in time. */
  status(url: string): Promise<number>;
  /** Throws for more than a megabyte, too. */
  get(url: string): Promise<Answer>;
}

const TIMEOUT_MS = 1_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
const CONCURRENCY = 64;
const KEEP_ALIVE_MS = 4_000; // below the five seconds of uvicorn, so that we are the one who closes
const HEADERS = { accept: 'application/json, text/plain, */*', 'accept-encoding': 'identity', 'user-agent': 'ecolink' };

export function openAsking(): Asking {
  const agent = new Agent({ connections: 1, keepAliveTimeout: KEEP_ALIVE_MS, connect: { timeout: TIMEOUT_MS } });
  const waiting: (() => void)[] = [];
  let running = 0;

  const exchange = async <T>(url: string, read: (answer: Dispatcher.ResponseData) => Promise<T>): Promise<T> => {
    if (running >= CONCURRENCY) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return await read(await request(new URL(url), { dispatcher: agent, headers: HEADERS, signal }));
    } finally {
      const next = waiting.shift(); // has the turn of this one
      if (next) next();
      else running--;
    }
  };

  return {
    status: (url) =>
      exchange(url, async ({ statusCode, body }) => {
        await body.dump();
        return statusCode;
      }),
    get: (url) => exchange(url, async ({ statusCode, body }) => ({ status: statusCode, text: await readText(body) })),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function readText(body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > ANSWER_BYTES_MAX) throw new RangeError(`The answer is longer than ${ANSWER_BYTES_MAX} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
