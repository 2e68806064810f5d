import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { collectionPath } from '../../server/cluster/kubernetes/client/resources.ts';
import { type WatchTimings, watchAll } from '../../server/cluster/kubernetes/client/watch.ts';
import type { KubeObject } from '../../server/cluster/kubernetes/objects.ts';
import { openCutProxy } from '../fakes/cut-proxy.ts';
import { writeKubeconfig } from '../kubeconfigs.ts';
import { until } from '../until.ts';
import type { Api } from './api.ts';
import { startKube, whyNoRig } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';
import { type KubeProxy, openKubeProxy, type Way } from './proxy.ts';
import { broken, cut, EXPIRED_EVENT, expired, forgetful, overloaded, stalled, stammering } from './ways.ts';

const BAD_MS = 1_000;
const HEALED_MS = 5_000;
const SILENCE_MS = 1_000;
const CHANGE_EVERY_MS = 30;
const NAMES = Array.from({ length: 12 }, (_, index) => `object-${index}`);

interface Bad {
  /** Told at its begin and its end; in between requests go their way. */
  way?: Way;
  begin?(proxy: KubeProxy): void;
  end?(proxy: KubeProxy): void;
  /** Nothing is heard meanwhile, so that the cache is wrong in the end. */
  isBlind: boolean;
}

const breakWatches = (proxy: KubeProxy) => proxy.endWatches();
const stall = stalled();

const BAD: Record<string, Bad> = {
  'connections break': { begin: breakWatches, isBlind: false },
  'nobody gets through': { way: cut, begin: breakWatches, isBlind: true },
  'nothing moves': { way: stall, end: stall.resume, isBlind: true },
  'history is gone, for those who watch': { begin: (proxy) => proxy.endWatches(EXPIRED_EVENT), isBlind: false },
  'history is gone, for those who come': { way: expired, begin: breakWatches, isBlind: false },
  'it is too much': { way: overloaded(1), begin: breakWatches, isBlind: true },
  'it is broken': { way: broken, begin: breakWatches, isBlind: true },
  'everything is told twice': { way: stammering, isBlind: false },
  'deletions are not told, until connections break': { way: forgetful, end: breakWatches, isBlind: true },
};

test('a cache is what the API server has within 5 s, whatever the network did', { skip: whyNoRig() }, async (t) => {
  await using kube = await leastPrivileged(await startKube());
  const [region] = kube.regions;
  const namespace = await kube.newNamespace(region);
  await using proxy = await openKubeProxy(region);
  const source = { kubeconfig: proxy.region.kubeconfig };
  await using connection = new Connection(await openCredentials(region.name, source));
  const path = collectionPath('ReplicaSet', namespace);
  await using cache = openCache(connection, path);
  await until('it has listed', () => cache.isSynced());

  for (const [name, { way = {}, begin, end, isBlind }] of Object.entries(BAD))
    await t.test(name, async (t) => {
      const isRight = async () => isDeepStrictEqual(cache.versions(), await readVersions(region.api, path));
      proxy.way = way;
      begin?.(proxy);
      await makeChanges(region.api, path);
      if (isBlind) assert.ok(!(await isRight()), 'it was bad');
      const mended = performance.now();
      proxy.way = {};
      end?.(proxy);
      await until('the cache is right', isRight, HEALED_MS);
      t.diagnostic(`right after ${Math.round(performance.now() - mended)} ms`);
    });
});

test('connections that die without a word cost a deadline, and no more', { skip: whyNoRig() }, async () => {
  await using kube = await leastPrivileged(await startKube());
  const [region] = kube.regions;
  const namespace = await kube.newNamespace(region);
  const { clusters, ...rest } = JSON.parse(readFileSync(region.kubeconfig, 'utf8'));
  const { hostname, port } = new URL(clusters[0].cluster.server);
  await using proxy = await openCutProxy(hostname, Number(port));
  const cluster = {
    ...clusters[0].cluster,
    server: `https://127.0.0.1:${proxy.port}`,
    'tls-server-name': 'kubernetes',
  };
  using kubeconfig = writeKubeconfig(cluster, rest.users[0].user);
  await using connection = new Connection(await openCredentials(region.name, { kubeconfig: kubeconfig.path }));
  const path = collectionPath('ReplicaSet', namespace);
  await using cache = openCache(connection, path, { idleTimeoutMs: SILENCE_MS });
  await until('it has listed', () => cache.isSynced());

  proxy.strand();
  const late: unknown[] = [];
  for (let call = 0; call < 4; call++)
    await connection.json(path, { timeoutMs: SILENCE_MS }).catch((error) => late.push(error));
  assert.ok(late.length <= 1, late.join(', '));
  await region.api('POST', path, replicaSet('after-all'));
  const isRight = async () => isDeepStrictEqual(cache.versions(), await readVersions(region.api, path));
  await until('the cache is right', isRight, SILENCE_MS + HEALED_MS);
});

/** Of each object by name. */
type Versions = Record<string, string | undefined>;

const versionsOf = (objects: Iterable<KubeObject>): Versions =>
  Object.fromEntries([...objects].map(({ metadata }) => [metadata.name, metadata.resourceVersion]));

/** Follows a collection as a region does, with its clocks. */
function openCache(connection: Connection, path: string, timings: Partial<WatchTimings> = {}) {
  const stop = new AbortController();
  const known = new Map<string, KubeObject>();
  let isSynced = false;
  const handler = {
    synced(objects: KubeObject[]) {
      isSynced = true;
      known.clear();
      for (const object of objects) known.set(object.metadata.name, object);
    },
    changed(type: string, object: KubeObject) {
      if (type === 'DELETED') known.delete(object.metadata.name);
      else known.set(object.metadata.name, object);
    },
    troubled() {},
  };
  const watching = watchAll(connection, path, { handler, signal: stop.signal, timings });
  return {
    isSynced: () => isSynced,
    versions: () => versionsOf(known.values()),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}

const readVersions = async (api: Api, path: string): Promise<Versions> =>
  versionsOf(((await api('GET', path)) as { items: KubeObject[] }).items);

/** Each object is made, or changed, or removed in its turn, for as long as the network is bad. */
async function makeChanges(api: Api, path: string): Promise<void> {
  for (let turn = 0; turn * CHANGE_EVERY_MS < BAD_MS; turn++) {
    const name = NAMES[turn % NAMES.length] as string;
    const isThere = name in (await readVersions(api, path));
    if (!isThere) await api('POST', path, replicaSet(name));
    else if (turn % 3 === 0) await api('DELETE', `${path}/${name}`);
    else await api('PATCH', `${path}/${name}`, { metadata: { labels: { turn: `${Date.now()}` } } }, MERGE);
    await sleep(CHANGE_EVERY_MS);
  }
  await api('POST', path, replicaSet('the-last'));
  await api('DELETE', `${path}/the-last`);
}

const MERGE = 'application/merge-patch+json';

/** Of no pods: so that nothing is run. */
const replicaSet = (name: string) => ({
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'any', image: 'any/image' }] } },
  },
});
