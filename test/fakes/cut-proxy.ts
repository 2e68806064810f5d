import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network between a client and a server that a test can cut, without either knowing why. */
export interface CutProxy extends AsyncDisposable {
  /** Of the client's end, on 127.0.0.1. */
  port: number;
  /** Breaks what is open and lets nobody in, until `mend`. */
  cut(): void;
  mend(): void;
  /** What is open carries nothing more, and nobody is told; who comes anew gets through. */
  strand(): void;
}

export async function openCutProxy(host: string, port: number): Promise<CutProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (isCut) return client.destroy();
    const upstream = connect(port, host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => sockets.delete(socket) && other.destroy());
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      drop();
    },
    mend() {
      isCut = false;
    },
    strand() {
      for (const socket of sockets) socket.unpipe().on('data', () => {});
    },
    async [Symbol.asyncDispose]() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
