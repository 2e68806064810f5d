import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { Exchange } from './dispatch.ts';
import type { Engine } from './engine.ts';
import type { SimulatorOptions } from './options.ts';
import { SimResponse } from './sim-response.ts';

type Address = Pick<SimulatorOptions, 'host' | 'port'>;

/** Where requests come in. */
export interface Door extends AsyncDisposable {
  /** Listens, once however often it is called. Gives the port. */
  open(port: number): Promise<number>;
  drain(): Promise<void>;
}

export function openDoor({ options, print }: Engine, answer: (exchange: Exchange) => Promise<void>): Door {
  let isDraining = false;
  let opening: Promise<number> | undefined;
  const server = http.createServer(
    { noDelay: true, requestTimeout: 0, ServerResponse: SimResponse },
    (request, response) => {
      if (isDraining) response.setHeader('connection', 'close');
      response.once('close', () => isDraining && setImmediate(() => server.closeIdleConnections()));
      void answer({ request, response });
    },
  );
  const open = async (port: number) => {
    const bound = await listen(server, { host: options.host, port });
    print(`INFO Listening on ${urlOf(options, bound)}`);
    return bound;
  };
  const closed = new Promise<void>((resolve) => void server.once('close', resolve));
  const drain = async () => {
    isDraining = true;
    if (!opening) return;
    server.close();
    await closed;
  };
  return {
    open(port) {
      opening ??= open(port);
      return opening;
    },
    drain,
    async [Symbol.asyncDispose]() {
      const drained = drain();
      server.closeAllConnections();
      await drained;
    },
  };
}

async function listen(server: Server, { host, port }: Address): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** The port to listen on later; a free one where any will do. */
export async function findPort({ host, port }: Address): Promise<number> {
  if (port !== 0) return port;
  const server = http.createServer();
  const found = await listen(server, { host, port });
  await new Promise((resolve) => server.close(resolve));
  return found;
}

export const urlOf = ({ host }: Pick<Address, 'host'>, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
