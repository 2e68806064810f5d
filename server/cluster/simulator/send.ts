import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Writes at once and resolves when the kernel has taken all of it; false when the client is gone. `note` counts the write. */
export async function send(response: ServerResponse, text: string, note?: WriteNote): Promise<boolean> {
  const { socket } = response;
  if (!socket || socket.destroyed || response.writableEnded) return false;
  response.write(text);
  note?.sending();
  socket.uncork(); // node would hold the bytes back until the next tick, long after they were counted
  if (socket.writableLength > 0) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  note?.sent();
  return !socket.destroyed;
}

interface WriteNote {
  sending(): void;
  sent(): void;
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: OutgoingHeaders = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

type OutgoingHeaders = Record<string, string>;

/** vLLM's shape of a refusal. */
export function refuse(response: ServerResponse, status: number, message: string, headers: OutgoingHeaders = {}): void {
  sendJson(response, status, errorBody(status, message), headers);
}

const TYPES: Record<number, string> = { 400: 'BadRequestError', 404: 'NotFoundError', 429: 'RateLimitError' };

export const errorBody = (status: number, message: string) => ({
  error: { message, type: TYPES[status] ?? 'InternalServerError', param: null, code: status },
});
