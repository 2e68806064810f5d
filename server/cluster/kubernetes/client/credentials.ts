import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import type { KubeSource } from './kube-source.ts';
import { type LoadedConfig, loadConfig } from './load-config.ts';

export type { KubeSource } from './kube-source.ts';

/** Where a region's API server is, and how this server shows who it is. */
export interface Credentials {
  /** `https://host:port`. */
  origin: string;
  /** In front of `/api`, for servers behind a path. */
  basePath: string;
  headers: Record<string, string>;
  tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;
}

export interface CredentialSource {
  /** Asked before every request, as tokens rotate and exec plugins renew theirs. */
  read(): Promise<Credentials>;
  /** Told when the server does not know us: what is cached is loaded anew, unless that has just been done. */
  refused(): Promise<void>;
}

const READ_TIMEOUT_MS = 30_000;
const RELOAD_MIN_MS = 5_000;

/** Of one region and never seen by another: each has a configuration of its own. Throws if there is none to begin with. */
export async function openCredentials(
  region: string,
  source: KubeSource,
  { reloadMinMs = RELOAD_MIN_MS }: { reloadMinMs?: number } = {},
): Promise<CredentialSource> {
  let loaded = await loadConfig(region, source);
  let loadedAt = performance.now();
  let reading: Promise<Credentials> | undefined;
  return {
    read() {
      reading ??= withTimeout(readCredentials(loaded), region).finally(() => {
        reading = undefined;
      });
      return reading;
    },
    async refused() {
      if (performance.now() - loadedAt < reloadMinMs) return;
      loadedAt = performance.now();
      loaded = await loadConfig(region, source).catch(() => loaded); // it may be half written just now
    },
  };
}

/** An exec plugin may hang: who asks next starts it again. */
async function withTimeout(reading: Promise<Credentials>, region: string): Promise<Credentials> {
  const stop = new AbortController();
  const timeout = sleep(READ_TIMEOUT_MS, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`the credentials of ${region} took longer than ${READ_TIMEOUT_MS / 1000} s`);
  });
  timeout.catch(() => {}); // when it has been stopped
  try {
    return await Promise.race([reading, timeout]);
  } finally {
    stop.abort();
  }
}

async function readCredentials({ config, cluster, tokenFile }: LoadedConfig): Promise<Credentials> {
  const { origin, pathname, protocol } = new URL(cluster.server);
  const headers: Record<string, string> = {};
  const options: RequestOptions = { headers };
  if (protocol === 'https:') await config.applyToHTTPSOptions(options);
  if (tokenFile !== undefined) headers.Authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
  const { ca, cert, key, auth } = options;
  return {
    origin,
    basePath: pathname.replace(/\/+$/, ''),
    headers: { ...headers, ...(auth && { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` }) },
    tls: {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(cluster.tlsServerName !== undefined && { servername: cluster.tlsServerName }),
      ...(cluster.skipTLSVerify === true && { rejectUnauthorized: false }),
    },
  };
}
