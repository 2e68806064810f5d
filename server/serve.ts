import http from 'node:http';
import { join, resolve } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { EcoError } from '../sdk/contract/index.ts';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { type Context, openContext } from './context.ts';
import { openGateway } from './gateway/open.ts';
import type { Log } from './log.ts';
import { openUnfinished } from './unfinished.ts';
import { openVideos } from './video/open.ts';

export interface Server extends AsyncDisposable {
  url: string;
  context: Context;
  /** Stops admitting, lets what runs finish for as long as the configuration says, then closes everything. */
  drain(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than load balancers keep theirs (60 s), so that none sends into a closing connection. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** One server process: gateway in front, control API behind it, loops beside. Resolves when it listens. */
export async function startServer(config: Config, log: Log): Promise<Server> {
  const context = await openContext(config, log);
  const parts: AsyncDisposable[] = [context];
  const close = async () => {
    for (const part of parts.splice(0)) await part[Symbol.asyncDispose]();
  };
  let draining = false;
  try {
    const gateway = await openGateway({ ...context, directory: join(resolve(config.data), 'journal') });
    parts.unshift(gateway);
    const videos = await openVideos(context, gateway.desk);
    parts.unshift(videos);
    const app = createApp({ ...context, videos }, () => draining);
    const control = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    const changing = openUnfinished();
    const options = {
      noDelay: true,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    };
    const listener = http.createServer(options, (request, response) => {
      if (draining) response.setHeader('connection', 'close');
      if (gateway.handles(request.method ?? '', request.url ?? '')) gateway.handle(request, response);
      else {
        changing.note(request, response);
        void control(request, response);
      }
    });
    const url = await listen(listener, config.listen);
    log.info({ url, data: resolve(config.data), regions: [...context.regions.keys()] }, 'listening');

    const drain = once(async () => {
      draining = true;
      listener.close();
      listener.closeIdleConnections();
      await Promise.all([gateway.drain(config.drain_ms), changing.finished(config.drain_ms)]);
      listener.closeAllConnections();
      await close();
    });
    return { url, context, drain, [Symbol.asyncDispose]: drain };
  } catch (error) {
    await close();
    throw error;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}

async function listen(listener: http.Server, address: string): Promise<string> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  await new Promise<void>((done, failed) => {
    listener.once('error', (cause: NodeJS.ErrnoException) => failed(cannotListen(address, cause)));
    listener.listen(Number(address.slice(colon + 1)), host, done);
  });
  const bound = listener.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.slice(colon + 1);
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const WHY_NOT: Record<string, string> = {
  EADDRINUSE: ', another program does. Name another port, or 0 for a free one',
  EACCES: ', this user may not',
  EADDRNOTAVAIL: ', which is no address of this machine',
};

function cannotListen(address: string, cause: NodeJS.ErrnoException): EcoError {
  const why = WHY_NOT[cause.code ?? ''] ?? ` (${cause.code})`;
  return new EcoError('conflict', `listen: cannot listen on ${address}${why}.`, { cause });
}
