import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { json, sendReply } from './reply.ts';
import { SimResponse } from './sim-response.ts';

/** Writes at once and resolves when the kernel has taken all of it; false when the client is gone, or the answer has met its fault. `note` counts the write. */
export async function send(response: ServerResponse, bytes: string | Uint8Array, note?: WriteNote): Promise<boolean> {
  const { socket } = response;
  if (!socket || socket.destroyed || response.writableEnded) return false;
  response.write(bytes);
  if (response instanceof SimResponse && response.isStuck) return untilClosed(response);
  note?.sending();
  socket.uncork(); // node would hold the bytes back until the next tick, long after they were counted
  if (socket.writableLength > 0) await flushed(socket);
  note?.sent();
  return !socket.destroyed;
}

/** A request that stalls keeps its turn until the client leaves. */
async function untilClosed(response: SimResponse): Promise<false> {
  if (!response.closed && !response.writableEnded) await once(response, 'close');
  return false;
}

/** Resolves when nothing is left to write, or never will be. `drain` says so only where more than the high-water mark was left. */
const flushed = (socket: Socket) => new Promise<void>((resolve) => void socket.write('', () => resolve()));

interface WriteNote {
  sending(): void;
  sent(): void;
}

export const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  sendReply(response, json(status, body));
