import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EcoError, type Endpoint, endpoints, type Output, type Parsed, pathFields } from '../../sdk/index.ts';

export interface Recorded {
  endpoint: string;
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  input: unknown;
}

type Answer<E extends Endpoint> = Output<E> | AsyncIterable<Output<E>>;
type Handler<E extends Endpoint> = (input: Parsed<E>, recorded: Recorded) => Answer<E> | Promise<Answer<E>>;
type Raw = (res: ServerResponse, recorded: Recorded) => void;

export interface FakeApi extends AsyncDisposable {
  url: string;
  /** Every request, oldest first. */
  calls: Recorded[];
  /** Answers an endpoint; what the handler gives must fit the contract. `EcoError`s become error answers. */
  on<E extends Endpoint>(endpoint: E, handler: Handler<E>): void;
  /** Takes over the response: for answers that no server of ours gives. */
  raw(endpoint: Endpoint, handler: Raw): void;
}

/** A server that speaks the contract and knows nothing: it binds, parses and checks, tests say what it answers. */
export async function openFakeApi(): Promise<FakeApi> {
  const handlers = new Map<string, Handler<Endpoint>>();
  const raws = new Map<string, Raw>();
  const calls: Recorded[] = [];
  const server = createServer((req, res) => void answer(req, res).catch((error) => fail(res, error)));

  async function answer(req: IncomingMessage, res: ServerResponse) {
    const { endpoint, values } = match(req);
    const input = { ...(await readInput(req, endpoint)), ...values };
    const recorded = { endpoint: endpoint.name, method: req.method!, url: req.url!, headers: req.headers, input };
    calls.push(recorded);
    const raw = raws.get(endpoint.name);
    if (raw) return raw(res, recorded);
    const handler = handlers.get(endpoint.name);
    if (!handler) throw new EcoError('internal', `The fake has no answer for ${endpoint.name}.`, { status: 418 });
    await send(res, endpoint, await handler(endpoint.input.parse(input), recorded));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    on: (endpoint, handler) => void handlers.set(endpoint.name, handler as Handler<Endpoint>),
    raw: (endpoint, handler) => void raws.set(endpoint.name, handler),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function match(req: IncomingMessage) {
  const { pathname } = new URL(req.url!, 'http://fake');
  for (const endpoint of endpoints.filter(({ method }) => method === req.method)) {
    const found = new RegExp(`^${endpoint.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`).exec(pathname);
    if (!found) continue;
    const values = pathFields(endpoint.path).map((name, index) => [name, decodeURIComponent(found[index + 1]!)]);
    return { endpoint, values: Object.fromEntries(values) };
  }
  throw new EcoError('not_found', `No endpoint ${req.method} ${pathname}.`);
}

async function readInput(req: IncomingMessage, endpoint: Endpoint): Promise<Record<string, unknown>> {
  if (endpoint.method === 'GET' || endpoint.method === 'DELETE')
    return Object.fromEntries(new URL(req.url!, 'http://fake').searchParams);
  let text = '';
  for await (const chunk of req) text += chunk;
  return JSON.parse(text);
}

async function send(res: ServerResponse, endpoint: Endpoint, answer: unknown) {
  if (endpoint.answer !== 'lines') {
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify(endpoint.output.parse(answer)));
    return;
  }
  res.setHeader('content-type', 'application/x-ndjson');
  res.flushHeaders();
  for await (const line of answer as AsyncIterable<unknown>)
    if (!res.write(`${JSON.stringify(endpoint.output.parse(line))}\n`))
      await new Promise((resolve) => res.once('drain', resolve));
  res.end();
}

function fail(res: ServerResponse, cause: unknown) {
  const error = cause instanceof EcoError ? cause : new EcoError('internal', String(cause), { status: 418 });
  if (res.headersSent) return void res.destroy();
  res.writeHead(error.status, {
    'content-type': 'application/json',
    'x-request-id': 'req_fake',
    ...(error.retryAfter !== undefined && { 'retry-after': String(error.retryAfter) }),
  });
  res.end(JSON.stringify(error.toBody('req_fake')));
}
