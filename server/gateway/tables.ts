import type { Backend, CatalogEntry, Prices } from '../../sdk/contract/index.ts';
import { isPriced } from '../billing/price.ts';
import { decodeEntry, decodePrices } from '../catalog/store.ts';
import type { Context } from '../context.ts';
import type { Changes } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { AliasRow, PlatformModelRow, ReplicaRow, WorkloadRow } from '../db/schema.ts';
import { decodeSpec } from '../workloads/spec.ts';
import { type Health, newHealth } from './health.ts';
import { ReadyReplicas } from './ready-replicas.ts';

/** A place to send requests to. Lives as long as its address; in-flight requests keep it after it left the tables. */
export interface Replica {
  id: string;
  region: string;
  /** Null: it is not ours. */
  workload_id: number | null;
  /** `http://host:port`. */
  origin: string;
  /** Goes in front of `/chat/completions`. */
  basePath: string;
  authorization: string | undefined;
  health: Health;
}

/** One ready replica of a model, and how the model is called there. */
export interface Route {
  replica: Replica;
  servedName: string;
  engine: string;
  health: Health;
}

export interface Instance {
  id: number;
  account_id: string;
  name: string;
  kind: string;
  category: string | null;
  state: string;
  message: string;
  engine: string;
  healthPath: string;
  customApiPath: string | null;
}

export interface PlatformEntry {
  entry: CatalogEntry;
  prices: Prices | null;
  isPriced: boolean;
  upstreams: Map<Backend, Route>;
}

/** What the hot path knows of the world, in memory: it follows the database and goes stale, boundedly, rather than fail. */
export interface Tables {
  /** A platform model by id or alias, else by the same in other letter case. */
  findPlatform(name: string): PlatformEntry | undefined;
  findInstance(id: number): Instance | undefined;
  /** Id of the instance that an alias of the account leads to. It may have ended. */
  findAliased(account_id: string, name: string): number | undefined;
  routesOf(model: PlatformEntry | Instance): Route[];
  /** All that are ready, of whatever workload. */
  readonly ready: ReadyReplicas;
  /** What requests write as `model` when they go to replicas of this instance. */
  servedNamesOf(instance: Instance): string[];
  /** Reads again what other servers may have changed; at most once in a while. */
  refresh(): Promise<void>;
}

export async function openTables({ db, changes }: Pick<Context, 'db' | 'changes'>): Promise<Tables> {
  const platform = new Map<string, PlatformEntry>();
  const names = new Map<string, PlatformEntry>();
  const instances = new Map<number, Instance>();
  const aliases = new Map<string, Map<string, number>>();
  const ready = new ReadyReplicas();

  await changes.follow('catalog', async (since) => {
    const rows = await listPlatformRows(db, since);
    for (const row of rows) platform.set(row.id, toPlatform(row));
    if (rows.length > 0) indexNames(names, platform.values());
    return rows.at(-1)?.changed_seq ?? since;
  });

  await changes.follow('workloads', async (since) => {
    const rows = await listWorkloadRows(db, since);
    for (const row of rows) {
      if (row.state === 'terminated') instances.delete(row.id);
      else instances.set(row.id, toInstance(row));
    }
    return rows.at(-1)?.changed_seq ?? since;
  });

  await changes.follow('replicas', async (since) => {
    const rows = await listReplicaRows(db, since);
    for (const row of rows) ready.note(row);
    return rows.at(-1)?.changed_seq ?? since;
  });

  await changes.follow('aliases', async (since) => {
    const rows = await listAliasRows(db, since);
    for (const row of rows) noteAlias(aliases, row);
    return rows.at(-1)?.changed_seq ?? since;
  });

  const routesOfInstance = ({ id, engine }: Instance, servedName: string): Route[] =>
    ready.of(id).map((replica) => ({ replica, servedName, engine, health: replica.health }));

  const routesOfBackend = (backend: Backend, { upstreams }: PlatformEntry): Route[] | Route => {
    if (backend.type === 'workload') {
      const instance = instances.get(backend.workload_id);
      return instance ? routesOfInstance(instance, backend.served_name ?? instance.name) : [];
    }
    return upstreams.get(backend) ?? [];
  };

  const servedNamesOf = ({ id, name }: Instance) => {
    const backends = [...platform.values()].flatMap(({ entry }) => (entry.status === 'disabled' ? [] : entry.backends));
    const served = backends.flatMap((backend) =>
      backend.type === 'workload' && backend.workload_id === id ? [backend.served_name ?? name] : [],
    );
    return served.length > 0 ? served : [name];
  };

  return {
    findPlatform: (name) => names.get(name) ?? names.get(name.toLowerCase()),
    findInstance: (id) => instances.get(id),
    findAliased: (account_id, name) => aliases.get(account_id)?.get(name),
    routesOf: (model) =>
      'entry' in model
        ? model.entry.backends.flatMap((backend) => routesOfBackend(backend, model))
        : routesOfInstance(model, model.name),
    ready,
    servedNamesOf,
    refresh: makeRefresh(changes),
  };
}

const REFRESH_EVERY_MS = 250;

function makeRefresh(changes: Changes): () => Promise<void> {
  let last = 0;
  let running = Promise.resolve();
  return () => {
    if (Date.now() - last < REFRESH_EVERY_MS) return running;
    last = Date.now();
    running = changes.nudge('catalog', 'workloads', 'aliases', 'replicas');
    return running;
  };
}

function toPlatform(row: PlatformModelRow): PlatformEntry {
  const entry = decodeEntry(row);
  const prices = decodePrices(row);
  const upstreams = new Map<Backend, Route>();
  for (const backend of entry.backends)
    if (backend.type === 'upstream') upstreams.set(backend, toUpstream(entry.id, backend));
  return { entry, prices, isPriced: isPriced(entry.category, prices), upstreams };
}

/** A replica that is not ours: an external API behind a base URL. */
function toUpstream(model: string, backend: Extract<Backend, { type: 'upstream' }>): Route {
  const { origin, pathname } = new URL(backend.base_url);
  const secret = backend.secret_env === undefined ? undefined : process.env[backend.secret_env];
  const health = { ...newHealth(), isProven: true };
  const replica = {
    id: `${model}@${backend.region}`,
    region: backend.region,
    workload_id: null,
    origin,
    basePath: pathname.replace(/\/+$/, ''),
    authorization: secret === undefined ? undefined : `Bearer ${secret}`,
    health,
  };
  return { replica, servedName: backend.served_name ?? model, engine: backend.engine ?? 'upstream', health };
}

function toInstance(row: WorkloadRow): Instance {
  const { id, account_id, name, kind, category, state, message } = row;
  const { engine, health_path: healthPath, custom_api_path: customApiPath } = decodeSpec(row.spec);
  return { id, account_id, name, kind, category, state, message, engine, healthPath, customApiPath };
}

function noteAlias(aliases: Map<string, Map<string, number>>, row: AliasRow): void {
  const own = aliases.get(row.account_id) ?? new Map<string, number>();
  if (row.removed_at === null) own.set(row.name, row.workload_id);
  else own.delete(row.name);
  if (own.size > 0) aliases.set(row.account_id, own);
  else aliases.delete(row.account_id);
}

/** Exact names go before names in other letter case, ids before aliases. */
function indexNames(names: Map<string, PlatformEntry>, models: Iterable<PlatformEntry>): void {
  names.clear();
  const all = [...models].filter(({ entry }) => entry.status !== 'disabled');
  const add = (name: string, model: PlatformEntry) => void (names.has(name) || names.set(name, model));
  for (const model of all) add(model.entry.id, model);
  for (const model of all) for (const alias of model.entry.aliases) add(alias, model);
  for (const model of all) for (const name of [model.entry.id, ...model.entry.aliases]) add(name.toLowerCase(), model);
}

const listPlatformRows = (db: Db, since: number) =>
  db.selectFrom('platform_models').selectAll().where('changed_seq', '>', since).orderBy('changed_seq').execute();

/** The first reading leaves out what has ended for good; later ones need it to forget. */
function listWorkloadRows(db: Db, since: number): Promise<WorkloadRow[]> {
  const rows = db.selectFrom('workloads').selectAll().where('changed_seq', '>', since).orderBy('changed_seq');
  return (since === 0 ? rows.where('state', '!=', 'terminated') : rows).execute();
}

function listReplicaRows(db: Db, since: number): Promise<ReplicaRow[]> {
  const rows = db.selectFrom('replicas').selectAll().where('changed_seq', '>', since).orderBy('changed_seq');
  return (since === 0 ? rows.where('ended_at', 'is', null) : rows).execute();
}

function listAliasRows(db: Db, since: number): Promise<AliasRow[]> {
  const rows = db.selectFrom('aliases').selectAll().where('changed_seq', '>', since).orderBy('changed_seq');
  return (since === 0 ? rows.where('removed_at', 'is', null) : rows).execute();
}
