import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

export interface KubeRequest {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface FakeKubeApi extends AsyncDisposable {
  /** `http://127.0.0.1:…`, or `https` with a certificate. */
  server: string;
  /** Every request, oldest first. */
  requests: KubeRequest[];
  /** Says how the next requests are answered. */
  answer(handler: KubeHandler): void;
}

export type KubeHandler = (response: ServerResponse, request: KubeRequest) => void | Promise<void>;

/** An API server that knows no Kubernetes: for what a real one does not do when a test wants it. */
export async function openFakeKubeApi(tls?: Pick<SecureContextOptions, 'cert' | 'key'>): Promise<FakeKubeApi> {
  const requests: KubeRequest[] = [];
  let handler: KubeHandler = (response) => refuse(response, 404, 'NotFound');
  const listener: RequestListener = async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    const { method = '', headers } = incoming;
    const request = { method, url: new URL(incoming.url ?? '', 'http://fake'), headers, body };
    requests.push(request);
    await handler(response, request);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (next) => {
      handler = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function send(response: ServerResponse, document: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(document));
}

/** As Kubernetes says no. */
export function refuse(response: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}) {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message: `refused: ${reason}` }));
}

/** A watch that has begun: events go into it until it is ended. */
export function openWatch(response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  return (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);
}
