import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';

/** Where a replica takes orders, and what it wants to see. The secret comes from the tables and is never stored. */
export interface Place {
  /** With the path in front of `/video/generations`. */
  base_url: string;
  authorization: string | undefined;
}

export interface EngineReply {
  status: number;
  /** Parsed JSON, or undefined where it is none. */
  body: unknown;
}

export type Download = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/** The video endpoints of replicas. Every call ends by its deadline and throws what the connection threw. */
export interface Engines extends AsyncDisposable {
  order(place: Place, body: Buffer): Promise<EngineReply>;
  look(place: Place, upstream_id: string): Promise<EngineReply>;
  remove(place: Place, upstream_id: string): Promise<EngineReply>;
  /** Bytes of the video, as they come. `range` holds the caller's own range headers. */
  download(
    url: URL,
    options: { authorization: string | undefined; range: Headers; signal: AbortSignal },
  ): Promise<Download>;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** Three tries at an order end before its lease does. */
const ANSWER_TIMEOUT_MS = 10_000;
const REMOVE_TIMEOUT_MS = 3_000;
/** Between two pieces of a video, while the caller takes them. */
const IDLE_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 256 * 1024;
const USER_AGENT = 'ecolink-gateway';

export function openEngines(): Engines {
  const agent = new Agent({
    pipelining: 0, // a connection for each call: one that was kept may be stale, and an order is not sent twice
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });

  const exchange = async (place: Place, asked: Asked): Promise<EngineReply> => {
    const { path = '', timeoutMs = ANSWER_TIMEOUT_MS, ...options } = asked;
    const { statusCode, body } = await request(`${place.base_url}/video/generations${path}`, {
      ...options,
      dispatcher: agent,
      headers: headersFor(place.authorization, asked.body ? { ...JSON_IN, ...JSON_OUT } : JSON_OUT),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: statusCode, body: parse(await readSome(body)) };
  };

  return {
    order: (place, body) => exchange(place, { method: 'POST', body }),
    look: (place, id) => exchange(place, { method: 'GET', path: pathOf(id) }),
    remove: (place, id) => exchange(place, { method: 'DELETE', path: pathOf(id), timeoutMs: REMOVE_TIMEOUT_MS }),
    download: (url, { authorization, range, signal }) =>
      request(url, { dispatcher: agent, headers: headersFor(authorization, Object.fromEntries(range)), signal }),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

const JSON_IN = { 'content-type': 'application/json' };
const JSON_OUT = { accept: 'application/json' };

interface Asked {
  method: 'GET' | 'POST' | 'DELETE';
  path?: string;
  body?: Buffer;
  timeoutMs?: number;
}

const pathOf = (upstream_id: string) => `/${encodeURIComponent(upstream_id)}`;

const headersFor = (authorization: string | undefined, headers: Record<string, string>) => ({
  ...headers,
  'user-agent': USER_AGENT,
  'accept-encoding': 'identity',
  ...(authorization !== undefined && { authorization }),
});

/** The answer, or nothing of one that is longer than any honest one. */
async function readSome(body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  body.on('error', () => {}); // thrown below while it is read; one that is given up has nothing to say
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > ANSWER_BYTES_MAX) return '';
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const UNSENT: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** Whether the call failed before anything was sent, so that it may be made elsewhere. */
export const isUnsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && UNSENT.includes(String(error.code));
