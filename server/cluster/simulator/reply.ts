import type { ServerResponse } from 'node:http';

/** A whole answer that needs no turn: plain data, so that a personality can be read as a table. */
export interface Reply {
  status: number;
  /** A text is sent as it is, anything else as JSON. */
  body?: unknown;
  type?: string;
  headers?: Readonly<Record<string, string>>;
}

export const empty = (status: number): Reply => ({ status });
export const text = (status: number, body: string, type = 'text/plain; charset=utf-8'): Reply => ({
  status,
  body,
  type,
});
export const json = (status: number, body: unknown): Reply => ({ status, body });
export const prometheus = (body: string): Reply => text(200, body, 'text/plain; version=0.0.4');

/** Does nothing where an answer is under way already. */
export function sendReply(response: ServerResponse, { status, body, type, headers }: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const isText = typeof body === 'string';
  const contentType = type ?? (isText || body === undefined ? undefined : 'application/json');
  response.writeHead(status, { ...(contentType !== undefined && { 'content-type': contentType }), ...headers });
  response.end(body === undefined ? undefined : isText ? body : JSON.stringify(body));
}
