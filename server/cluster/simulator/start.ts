import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerChat } from './chat.ts';
import { type Engine, openEngine } from './engine.ts';
import { type LoadFault, load } from './load.ts';
import { renderMetrics } from './metrics.ts';
import type { SimulatorOptions } from './options.ts';
import { parseOptions } from './options.ts';
import { refuse, sendJson } from './send.ts';

export interface Simulator extends AsyncDisposable {
  url: string;
  port: number;
  /** Resolves when it has loaded; what it was told to suffer while loading is thrown. */
  loaded: Promise<void>;
  /** Accepts no more, and resolves when every answer under way has ended. */
  drain(): Promise<void>;
}

const BODY_MAX_BYTES = 32 * 1024 * 1024;

/** An engine that serves at once, answers 503 until it has loaded, and is closed with its scope. */
export async function startSimulator(
  options: Partial<SimulatorOptions> = {},
  print: (line: string) => void = () => {},
): Promise<Simulator> {
  const engine = openEngine({ ...parseOptions([]), port: 0, ...options }, print);
  let isLoaded = false;
  let isDraining = false;

  const server = http.createServer({ noDelay: true, requestTimeout: 0 }, (request, response) => {
    if (isDraining) response.setHeader('connection', 'close');
    response.once('close', () => isDraining && setImmediate(() => server.closeIdleConnections()));
    answer(engine, { request, response, isLoaded }).catch((error: Error) =>
      refuse(response, error instanceof RangeError ? 400 : 500, error.message),
    );
  });
  const { host, port } = engine.options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const closing = new AbortController();
  const loaded = load(engine, closing.signal).then(() => {
    isLoaded = true;
  });
  loaded.catch((_error: LoadFault) => {}); // whoever waits is told
  const closed = new Promise<void>((resolve) => void server.once('close', resolve));
  const drain = () => {
    isDraining = true;
    server.close();
    return closed;
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    loaded,
    drain,
    async [Symbol.asyncDispose]() {
      closing.abort();
      const drained = drain();
      server.closeAllConnections();
      await drained;
    },
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  isLoaded: boolean;
}

async function answer(engine: Engine, { request, response, isLoaded }: Exchange): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://simulator');
  const model = engine.options.model ?? 'sim';
  switch (`${request.method} ${pathname}`) {
    case 'GET /health':
      return void response.writeHead(isLoaded ? 200 : 503).end();
    case 'GET /metrics':
      return void response
        .setHeader('content-type', 'text/plain; version=0.0.4')
        .end(renderMetrics(engine.metrics, engine.turns, model));
    case 'GET /v1/models':
      return sendJson(response, 200, { object: 'list', data: [{ id: model, object: 'model', owned_by: 'ecolink' }] });
    case 'POST /v1/chat/completions':
      if (!isLoaded) return refuse(response, 503, 'The model is loading.', { 'retry-after': '1' });
      return answerChat(engine, request, response, await readJson(request));
    default:
      return refuse(response, 404, `${request.method} ${pathname} is not served.`);
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_MAX_BYTES) throw new RangeError(`The body is larger than ${BODY_MAX_BYTES} bytes.`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new RangeError('The body is not JSON.');
  }
}
