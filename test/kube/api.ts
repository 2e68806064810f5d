import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import type { Region } from './state.ts';

/** One request to an API server. Rejects with `ApiFailure` where it refuses. */
// biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects as they are; what a test reads of them it asserts.
export type Api = (method: string, path: string, body?: unknown, contentType?: string) => Promise<any>;

export class ApiFailure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiAccess extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  server: string;
  headers?: Record<string, string>;
}

/** Asks as whoever the access is for, by nothing but Node's own HTTPS. */
export function openApi({ server, headers, ...tls }: ApiAccess): Api {
  const agent = new Agent({ keepAlive: true, ...tls });
  return (method, path, body, contentType = 'application/json') =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const sent = { ...headers, 'content-type': contentType, 'content-length': Buffer.byteLength(text) };
      const asked = request(server + path, { method, agent, headers: sent }, async (response) => {
        const parts: Buffer[] = [];
        try {
          for await (const part of response) parts.push(part);
        } catch (error) {
          return reject(error);
        }
        const reply = Buffer.concat(parts).toString('utf8');
        const status = response.statusCode ?? 0;
        if (status >= 300) reject(new ApiFailure(status, `${method} ${path}: ${status} ${reply}`));
        else resolve(reply.startsWith('{') ? JSON.parse(reply) : reply);
      });
      asked.on('error', reject).end(text);
    });
}

const apis = new Map<string, Api>();

/** As a region's administrator. */
export function apiOf({ dir, server }: Region): Api {
  const known = apis.get(dir);
  if (known) return known;
  const [ca, cert, key] = ['ca.crt', 'client-admin.crt', 'client-admin.key'].map((name) =>
    readFileSync(join(dir, 'pki', name)),
  );
  const api = openApi({ server, ca, cert, key });
  apis.set(dir, api);
  return api;
}

/** Makes an object, unless there is one. */
export async function createOnce(api: Api, path: string, body: unknown): Promise<void> {
  await api('POST', path, body).catch((error) => {
    if (!(error instanceof ApiFailure) || error.status !== 409) throw error;
  });
}
