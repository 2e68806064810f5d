import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import type { Hono, Context as HonoContext } from 'hono';
import type { z } from 'zod';
import { EcoError, type Endpoint, type Output, type Parsed, pathFields, type Scope } from '../sdk/contract/index.ts';
import type { Actor } from './accounts/audit-log.ts';
import { type Caller, identify, permit } from './accounts/caller.ts';
import type { Context } from './context.ts';
import { once } from './idempotency.ts';

export interface Variables {
  requestId: string;
}
export type App = Hono<{ Variables: Variables }>;

export interface Call<E extends Endpoint> {
  input: Parsed<E>;
  caller: Caller;
  /** The account that asks. Only on endpoints of accounts: reading it on an admin or public one throws. */
  readonly accountId: string;
  /** For the audit log. */
  actor: Actor;
  requestId: string;
  idempotencyKey: string | undefined;
  headers: Headers;
  /** The body as it came; empty where the method has none. */
  text: string;
  /** Scheme and host that the caller reached this server at. */
  origin: string;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
}

export type RouteContext = Pick<Context, 'db' | 'keyring' | 'secrets' | 'clock' | 'serverId' | 'log'>;
export type Handler<I extends z.ZodType, Answer> = (call: Call<Endpoint<I>>) => Promise<Answer>;

/** Binds an endpoint of the contract: authenticates, parses, runs the handler once per idempotency key, checks the answer. */
export function route<I extends z.ZodType, Answer>(
  app: App,
  context: RouteContext,
  endpoint: Endpoint<I, z.ZodType<unknown, Answer>>,
  handler: Handler<I, Answer>,
): void {
  app.on(endpoint.method, honoPath(endpoint.path), async (c) => {
    const call = await openCall(c, context, endpoint);
    const answer = async () => checked(context, endpoint, await handler(call));
    if (endpoint.method !== 'POST' || call.idempotencyKey === undefined) return c.json(await answer());
    const { status, body, replayed } = await once(context, call, endpoint, answer);
    if (replayed) c.header('idempotent-replayed', 'true');
    return c.body(body, status as 200, { 'content-type': 'application/json' });
  });
}

/** Binds an endpoint that answers one JSON document a line for as long as the client listens. */
export function routeLines<E extends Endpoint>(
  app: App,
  context: RouteContext,
  endpoint: E,
  handler: (call: Call<E>) => AsyncIterable<Output<E>>,
): void {
  app.on(endpoint.method, honoPath(endpoint.path), async (c) => {
    const call = await openCall(c, context, endpoint);
    const lines = handler(call)[Symbol.asyncIterator]();
    const first = lines.next();
    first.catch(() => {}); // read again, and thrown there, by the stream
    await Promise.race([first, sleep(REFUSAL_MS, undefined, { ref: false })]); // what is refused has a status of its own
    return c.body(streamOf(first, lines), 200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
  });
}

/** How long a stream may think before its head goes out: a log that is silent must not look like a server that is gone. */
const REFUSAL_MS = 250;
/** A blank line after so long without another keeps proxies from closing a silent stream. */
const IDLE_LINE_MS = 15_000;

/** Binds an endpoint whose answer is no JSON: the handler makes all of it. */
export function routeResponse<E extends Endpoint>(
  app: App,
  context: RouteContext,
  endpoint: E,
  handler: (call: Call<E>) => Promise<Response>,
): void {
  app.on(endpoint.method, honoPath(endpoint.path), async (c) => {
    const response = await handler(await openCall(c, context, endpoint));
    if (c.req.raw.method === 'HEAD') await response.body?.cancel(); // nobody will read it
    return response;
  });
}

/** Ids of served models hold slashes, so a field that ends a path below /v1 takes all that is left. */
const honoPath = (path: string) =>
  (path.startsWith('/v1/') ? path.replace(/\{(\w+)\}$/, ':$1{.+}') : path).replaceAll(/\{(\w+)\}/g, ':$1');

async function openCall<E extends Endpoint>(
  c: HonoContext<{ Variables: Variables }>,
  context: RouteContext,
  endpoint: E,
): Promise<Call<E>> {
  const caller = await identify(context, c.req.header('authorization'));
  permit(caller, endpoint.scope);
  const text = await readText(c, endpoint);
  return {
    input: parseInput(endpoint, readInput(c, endpoint, text)),
    caller,
    get accountId() {
      return accountOf(caller, endpoint.scope);
    },
    actor: { id: caller.type === 'account' ? caller.key.id : caller.type, address: addressOf(c) },
    requestId: c.get('requestId'),
    idempotencyKey: idempotencyKeyOf(c.req.header('idempotency-key')),
    headers: c.req.raw.headers,
    text,
    origin: new URL(c.req.url).origin,
    signal: c.req.raw.signal,
  };
}

/** Of the peer on the socket. There is none where the app is called without one. */
const addressOf = (c: HonoContext) =>
  (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? null;

function accountOf(caller: Caller, scope: Scope): string {
  if (caller.type !== 'account') throw new Error(`an endpoint of scope ${scope} has no account`);
  return caller.key.account_id;
}

const IDEMPOTENCY_KEY_MAX = 255;

function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header !== undefined && (header.length === 0 || header.length > IDEMPOTENCY_KEY_MAX))
    throw new EcoError('invalid_request', `Idempotency-Key must have 1 to ${IDEMPOTENCY_KEY_MAX} characters.`, {
      param: 'Idempotency-Key',
    });
  return header;
}

const BODY_MAX_BYTES = 1024 * 1024;

function readInput(c: HonoContext, endpoint: Endpoint, text: string): Record<string, unknown> {
  const inPath = Object.fromEntries(pathFields(endpoint.path).map((name) => [name, c.req.param(name)]));
  if (!hasBody(endpoint)) return { ...c.req.query(), ...inPath };
  if (text === '') return inPath;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new EcoError('invalid_request', 'The body is not JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new EcoError('invalid_request', 'The body must be a JSON object.');
  return { ...body, ...inPath };
}

const hasBody = ({ method }: Endpoint) => method !== 'GET' && method !== 'DELETE';

/** Counts as it reads: a body sent in chunks says nothing of its length before. */
async function readText(c: HonoContext, endpoint: Endpoint): Promise<string> {
  if (!hasBody(endpoint)) return '';
  if (Number(c.req.header('content-length') ?? 0) > BODY_MAX_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > BODY_MAX_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const tooLarge = () => new EcoError('request_too_large', `The body is larger than ${BODY_MAX_BYTES} bytes.`);

function parseInput<E extends Endpoint>(endpoint: E, raw: Record<string, unknown>): Parsed<E> {
  const { shape, def } = endpoint.input as unknown as z.ZodObject;
  const known = new Set(Object.keys(shape));
  const isLoose = def.catchall?._zod.def.type === 'unknown';
  const unknown = isLoose ? undefined : Object.keys(raw).find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new EcoError('invalid_request', `Unknown field "${unknown}". Known: ${[...known].join(', ') || 'none'}.`, {
      param: unknown,
    });
  const nul = findNul(raw);
  if (nul !== undefined)
    throw new EcoError('invalid_request', `${nul}: must not hold the character NUL.`, { param: nul });
  const parsed = endpoint.input.safeParse(raw);
  if (parsed.success) return parsed.data as Parsed<E>;
  throw refusalOf(parsed.error.issues[0]);
}

/** The path of a text with a NUL in it, or undefined: Postgres keeps none, and no process can be told one. */
function findNul(value: unknown, path: readonly string[] = []): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? path.join('.') : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = name.includes('\0') ? path.join('.') : findNul(inner, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refusalOf(issue: z.core.$ZodIssue | undefined): EcoError {
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const param = [...(issue?.path ?? []), ...unknown].join('.') || undefined;
  const message = unknown.length > 0 ? `Unknown field "${param}".` : `${param ?? 'input'}: ${issue?.message}`;
  return new EcoError('invalid_request', message, { param });
}

/** What private fields a row has never leaves; a mismatch is ours to mend and no reason to fail the caller. */
function checked({ log }: RouteContext, endpoint: Endpoint, answer: unknown): unknown {
  const parsed = endpoint.output.safeParse(answer);
  if (parsed.success) return parsed.data;
  log.error({ endpoint: endpoint.name, issues: parsed.error.issues }, 'an answer does not fit the contract');
  throw new EcoError('internal', 'The server made an answer that it does not understand itself. This is a bug.');
}

function streamOf<T>(first: Promise<IteratorResult<T>>, lines: AsyncIterator<T>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<T>> | undefined = first;
  let idle: NodeJS.Timeout | undefined;
  return new ReadableStream({
    start(controller) {
      idle = setInterval(() => controller.enqueue(encoder.encode('\n')), IDLE_LINE_MS).unref();
    },
    async pull(controller) {
      try {
        const { done, value } = await (next ?? lines.next());
        next = undefined;
        idle?.refresh();
        if (!done) return controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      } catch (error) {
        clearInterval(idle);
        throw error;
      }
      clearInterval(idle);
      controller.close();
    },
    async cancel() {
      clearInterval(idle);
      await lines.return?.();
    },
  });
}
