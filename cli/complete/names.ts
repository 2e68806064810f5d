import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionFlags, readLayers } from '../config/layers.ts';
import { resolveSettings, settingNames, settings } from '../config/settings.ts';
import { OWNER_ONLY, readUserFile } from '../config/user-file.ts';
import { type Connection, chooseConnection } from '../connection.ts';
import { fetchDocument } from './fetch-document.ts';
import type { Candidate } from './plan.ts';
import type { Source } from './sources.ts';

const FRESH_MS = 60_000;
/** After a failure: a server that has just been started is soon asked again. */
const RETRY_MS = 3_000;
const DEFAULT_URL = 'http://127.0.0.1:8080';

interface Entry {
  /** When it was asked last. */
  at: number;
  hasFailed: boolean;
  names: Candidate[];
}

/** Names that fit, from this machine, from the cache, or from the server; an unanswered question leaves the old ones. */
export async function listNames(source: Source, flags: ConnectionFlags): Promise<Candidate[]> {
  const { profiles } = readUserFile();
  if (source === 'profiles') return Object.entries(profiles).map(([name, { api_url }]) => [name, api_url]);
  if (source === 'settings') return settingNames.map((name) => [name, settings[name].meaning]);
  const resolved = resolveSettings(readLayers(flags));
  const connection = chooseConnection({ kind: 'account', settings: resolved, env: process.env, profiles });
  return connection.apiKey === undefined ? [] : cachedNames(source, connection);
}

async function cachedNames(source: Source, connection: Connection): Promise<Candidate[]> {
  const path = cachePath(connection);
  const cache = readCache(path);
  const entry = cache[source];
  if (entry && Date.now() - entry.at < (entry.hasFailed ? RETRY_MS : FRESH_MS)) return entry.names;
  const names = await askServer(source, connection).catch(() => undefined);
  const next = { at: Date.now(), hasFailed: names === undefined, names: names ?? entry?.names ?? [] };
  writeCache(path, { ...cache, [source]: next });
  return next.names;
}

/** A file for each server and key: what one account calls its models is nothing to another. */
function cachePath({ baseUrl = DEFAULT_URL, apiKey = '' }: Connection): string {
  const id = createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, 16);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'eco', `names-${id}.json`);
}

function readCache(path: string): Partial<Record<Source, Entry>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

function writeCache(path: string, cache: Partial<Record<Source, Entry>>): void {
  const next = `${path}.${process.pid}`;
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(next, JSON.stringify(cache), { mode: OWNER_ONLY });
  renameSync(next, path);
}

interface Named {
  id: string | number;
  ref: string;
  name: string;
  state: string;
  category: string;
  kind: string;
  offers: { gpu: string; price_per_hour: string }[];
}

type ServerSource = Exclude<Source, 'profiles' | 'settings' | 'files' | 'served'>;

/** Paths of the API, and what of an answer is a name. */
export const lists: Record<ServerSource, { path: string; read(row: Named): Candidate[] }> = {
  workloads: { path: '/workloads?limit=500', read: readWorkload },
  instances: { path: '/workloads?limit=500&kind=inference_instance', read: readWorkload },
  models: { path: '/models?limit=500', read: ({ name, category }) => [[name, category]] },
  platform: { path: '/platform/models', read: ({ id, category }) => [[String(id), category]] },
  regions: { path: '/regions', read: ({ name, kind }) => [[name, kind]] },
  gpus: {
    path: '/regions',
    read: ({ offers }) => offers.map(({ gpu, price_per_hour }) => [gpu, `$${price_per_hour}/h`]),
  },
  keys: { path: '/keys?limit=500', read: ({ id, name }) => [[String(id), name]] },
  aliases: { path: '/aliases?limit=500', read: ({ name, ref }) => [[name, ref]] },
};

function readWorkload({ id, ref, state }: Named): Candidate[] {
  return [
    [ref, state],
    [String(id), `${ref}, ${state}`],
  ];
}

async function askServer(source: Source, connection: Connection): Promise<Candidate[]> {
  if (source === 'served') {
    const both = await Promise.all([askServer('platform', connection), askServer('instances', connection)]);
    return both.flat();
  }
  const { path, read } = lists[source as ServerSource];
  const document = await fetchDocument(`${connection.baseUrl ?? DEFAULT_URL}${path}`, connection.apiKey ?? '');
  const rows = Array.isArray(document) ? document : (document as { data: Named[] }).data;
  return [...new Map(rows.flatMap(read))];
}
