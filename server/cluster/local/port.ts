import { createServer } from 'node:net';

/** Nobody listens there now. */
export const isFree = async (port: number): Promise<boolean> => (await listenOnce(port)) !== undefined;

const TRIES = 20;

/** A free loopback port that no other slot counts on. */
export async function findFreePort(taken: ReadonlySet<number>): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = await listenOnce(0);
    if (port !== undefined && !taken.has(port)) return port;
  }
  throw new Error('no free port on 127.0.0.1');
}

function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
