import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isExpired } from '../../server/cluster/kubernetes/client/api-error.ts';
import { apply, remove } from '../../server/cluster/kubernetes/client/apply.ts';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { exec } from '../../server/cluster/kubernetes/client/exec.ts';
import { readLines } from '../../server/cluster/kubernetes/client/lines.ts';
import { listAll } from '../../server/cluster/kubernetes/client/list.ts';
import { collectionPath } from '../../server/cluster/kubernetes/client/resources.ts';
import type { KubeObject } from '../../server/cluster/kubernetes/objects.ts';
import { openCutProxy } from '../fakes/cut-proxy.ts';
import { type FakeKubeApi, openFakeKubeApi, send } from '../fakes/kube-api.ts';
import { writeKubeconfig } from '../kubeconfigs.ts';
import { until } from '../until.ts';
import { startWatch, type Watched } from '../watched.ts';
import { type Api, ApiFailure } from './api.ts';
import { type Kube, type KubeRegion, startKube, whyNoKube, whyNoRig } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';
import { podManifest } from './pods.ts';
import { openKubeProxy } from './proxy.ts';

const noKube = whyNoKube();
const noRig = whyNoRig();
const TIMINGS = { backOffMinMs: 50, backOffMaxMs: 500 };

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

describe('the Kubernetes client on a real API server', { skip: noKube }, () => {
  let kube: Kube;
  let eu: KubeRegion;
  let namespace: string;
  let connection: Connection;
  let configMaps: string;

  before(async () => {
    kube = await startKube();
    [eu] = kube.regions;
    namespace = await kube.newNamespace(eu);
    connection = new Connection(await openCredentials(eu.name, { kubeconfig: eu.kubeconfig }));
    configMaps = collectionPath('ConfigMap', namespace);
  });
  after(async () => {
    await connection?.[Symbol.asyncDispose]();
    await kube?.[Symbol.asyncDispose]();
  });

  const configMap = (name: string, data: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels: { test: 'client' } },
    data,
  });
  const ours = { labelSelector: 'test=client' };
  const names = ({ items }: { items: KubeObject[] }) => items.map(({ metadata }) => metadata.name);

  test('a list is whole however small its pages are', async () => {
    const made = Array.from({ length: 12 }, (_, index) => `page-${String(index).padStart(2, '0')}`);
    for (const name of made) await apply(connection, configMap(name));
    assert.deepEqual(names(await listAll(connection, configMaps, ours, { pageItems: 5 })), made);
    for (const name of made) await remove(connection, 'ConfigMap', { name, namespace });
    await until('they are gone', async () => (await listAll(connection, configMaps, ours)).items.length === 0);
  });

  test("apply takes back what others changed of ours, removes what we no longer say, and leaves the others'", async () => {
    await apply(connection, configMap('applied', { ours: '1', dropped: '1' }));
    const path = `${configMaps}/applied`;
    await eu.api('PATCH', path, { data: { ours: 'by hand', theirs: '2' } }, 'application/merge-patch+json');
    const dry = await apply<ConfigMap>(connection, configMap('applied', { ours: '3' }), { dryRun: true });
    assert.deepEqual(dry.data, { ours: '3', theirs: '2' });
    assert.equal((await eu.api('GET', path)).data.ours, 'by hand');
    await apply(connection, configMap('applied', { ours: '3' }));
    assert.deepEqual((await eu.api('GET', path)).data, { ours: '3', theirs: '2' });
  });

  test('an object is removed only if it is the one that is meant; one that is gone is no error', async () => {
    const { metadata } = await apply<ConfigMap>(connection, configMap('removed'));
    await assert.rejects(remove(connection, 'ConfigMap', { ...metadata, uid: 'another' }), { status: 409 });
    await remove(connection, 'ConfigMap', metadata);
    const isGone = () => eu.api('GET', `${configMaps}/removed`).then(() => false, isNotFound);
    await until('it is gone', isGone);
    await remove(connection, 'ConfigMap', metadata);
  });

  test('what is refused says why', async () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bad', namespace }, spec: { containers: [] } };
    await assert.rejects(apply(connection, pod), { status: 422, reason: 'Invalid', message: /spec\.containers/ });
  });

  test('a deletion that a cut watch missed is noticed when it is back', { skip: noRig }, async () => {
    const { hostname, port } = new URL((await connection.credentials()).origin);
    await using proxy = await openCutProxy(hostname, Number(port));
    using kubeconfig = throughProxy(eu, proxy.port);
    await using far = new Connection(await openCredentials(eu.name, { kubeconfig: kubeconfig.path }));
    for (const name of ['stays', 'goes']) await apply(connection, configMap(name));
    await using watched = startWatch(far, configMaps, { selection: ours, timings: TIMINGS });
    await until('both are known', () => has(watched, 'stays', 'goes'));
    proxy.cut();
    await until('it is in trouble', () => watched.trouble !== undefined);
    await remove(connection, 'ConfigMap', { name: 'goes', namespace });
    await apply(connection, configMap('comes'));
    assert.ok(has(watched, 'stays', 'goes'));
    proxy.mend();
    await until('it has caught up', () => watched.trouble === undefined && has(watched, 'stays', 'comes'));
    assert.ok(!watched.present.has('goes'));
  });

  test('a watch outlives an API server that is stopped, and etcd', { skip: noRig }, async () => {
    await using watched = startWatch(connection, configMaps, { selection: ours, timings: TIMINGS });
    await until('it watches', () => watched.lists > 0);
    await eu.rig.stop('kube-apiserver');
    await until('it is in trouble', () => watched.trouble !== undefined);
    await eu.rig.stop('etcd');
    await eu.rig.start('etcd');
    await eu.rig.start('kube-apiserver');
    await eu.api('POST', configMaps, configMap('after-restart'));
    await until('it sees what is new', () => watched.trouble === undefined && has(watched, 'after-restart'));
  });

  test('a watch whose API server hangs is given up, and made again when it answers', { skip: noRig }, async () => {
    const timings = { ...TIMINGS, idleTimeoutMs: 2_000 };
    await using watched = startWatch(connection, configMaps, { selection: ours, timings });
    await until('it watches', () => watched.lists > 0);
    eu.rig.pause('kube-apiserver');
    await until('it is in trouble', () => watched.trouble !== undefined);
    await assert.rejects(connection.json('/readyz', { timeoutMs: 200 }), /no answer within 0\.2 s/);
    eu.rig.resume('kube-apiserver');
    await eu.api('POST', configMaps, configMap('after-pause'));
    await until('it sees what is new', () => has(watched, 'after-pause'));
  });

  test('history that etcd has forgotten is told as expired: in a watch and in a page', { skip: noRig }, async () => {
    for (const name of ['old-1', 'old-2']) await apply(connection, configMap(name));
    const { metadata } = await connection.json<{ metadata: { continue: string; resourceVersion: string } }>(
      configMaps,
      { query: { limit: 1 } },
    );
    const { metadata: newest } = await apply(connection, configMap('newest'));
    await compact(connection, newest.resourceVersion ?? '');
    await eu.rig.stop('kube-apiserver', { force: true });
    await eu.rig.start('kube-apiserver');
    await assert.rejects(connection.json(configMaps, { query: { limit: 1, continue: metadata.continue } }), isExpired);
    const query = { watch: true, resourceVersion: metadata.resourceVersion, timeoutSeconds: 5 };
    assert.match(await firstWord(connection, configMaps, query), /"code":410|410 Expired/);
  });

  test('a token file that is replaced counts for the next request, and gives its roles alone', {
    skip: noRig,
  }, async () => {
    const { clusters } = JSON.parse(await eu.rig.tokenKubeconfig({ namespace, account: 'default' }));
    using kubeconfig = writeKubeconfig(clusters[0].cluster, { tokenFile: 'token' });
    writeFileSync(join(kubeconfig.folder, 'token'), 'not.a.token');
    await using least = new Connection(await openCredentials(eu.name, { kubeconfig: kubeconfig.path }));
    await assert.rejects(least.json('/api/v1/nodes'), { status: 401 });
    writeFileSync(join(kubeconfig.folder, 'token'), await eu.rig.token({ namespace, account: 'default' }));
    const message = new RegExp(`serviceaccount:${namespace}:default.*cannot list`);
    await assert.rejects(least.json('/api/v1/nodes'), { status: 403, reason: 'Forbidden', message });
  });

  test('a watch that goes on where etcd has forgotten lists again, under load, and misses nothing', {
    skip: noRig,
  }, async () => {
    await using restricted = await leastPrivileged({ ...kube, async [Symbol.asyncDispose]() {} });
    await using proxy = await openKubeProxy(restricted.regions[0]);
    await using far = new Connection(await openCredentials(eu.name, { kubeconfig: proxy.region.kubeconfig }));
    const pods = collectionPath('Pod', namespace);
    let rounds = 0;
    proxy.way.before = async ({ url }) => {
      // again where nothing had changed since the version that the watch goes on from
      if (url.searchParams.has('watch') && ++rounds % 3 === 2 && watched.lists === 1)
        await forget(connection, eu, pods);
      return false;
    };
    await using load = churn(eu.api, pods);
    await using watched = startWatch(far, pods, { timings: { ...TIMINGS, roundSeconds: 2 }, pageItems: 2 });
    await until('it has listed again', () => watched.lists > 1, 60_000).catch(({ message }) => {
      assert.deepEqual({ lists: watched.lists, rounds, troubles: watched.troubles }, {}, message);
    });
    await load[Symbol.asyncDispose]();
    const present = async () => names(await listAll(connection, pods)).toSorted();
    const isTrue = async () => String([...watched.present].toSorted()) === String(await present());
    await until('it knows what there is', isTrue);
    assert.ok((await present()).length > 0);
    assert.deepEqual(watched.troubles, [], 'only its history was gone');
  });

  test('an exec plugin says who one is, and is asked again when that is refused', { skip: noRig }, async () => {
    const { clusters } = JSON.parse(await eu.rig.tokenKubeconfig({ namespace, account: 'default' }));
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', interactiveMode: 'Never' };
    using kubeconfig = writeKubeconfig(clusters[0].cluster, { exec });
    const [plugin, token] = ['plugin', 'token'].map((name) => join(kubeconfig.folder, name)) as [string, string];
    const answer = `{"apiVersion":"${exec.apiVersion}","kind":"ExecCredential","status":{"token":"%s"}}`;
    writeFileSync(plugin, `#!/bin/sh\nprintf '${answer}' "$(cat '${token}')"`, { mode: 0o755 });
    writeFileSync(token, 'not.a.token');
    const source = await openCredentials(eu.name, { kubeconfig: kubeconfig.path }, { reloadMinMs: 0 });
    await using least = new Connection(source);
    await assert.rejects(least.json('/api/v1/nodes'), { status: 401 });
    writeFileSync(token, await eu.rig.token({ namespace, account: 'default' }));
    const message = new RegExp(`serviceaccount:${namespace}:default.*cannot list`);
    await assert.rejects(least.json('/api/v1/nodes'), { status: 403, message });
  });

  test("each API server sees its own region's credentials and no others", { skip: noRig }, async () => {
    const regions = ['one', 'two'];
    await using stack = new AsyncDisposableStack();
    const servers: FakeKubeApi[] = [];
    const connections: Connection[] = [];
    for (const name of regions) {
      const fake = stack.use(await openFakeKubeApi(certificateOf(eu)));
      fake.answer((response) => send(response, { items: [], metadata: { resourceVersion: '1' } }));
      const cluster = {
        server: fake.server,
        'certificate-authority': authorityOf(eu),
        'tls-server-name': 'kubernetes',
      };
      const { path } = stack.use(writeKubeconfig(cluster, { token: `secret-of-${name}` }));
      servers.push(fake);
      connections.push(stack.use(new Connection(await openCredentials(name, { kubeconfig: path }))));
    }
    const pod = { name: 'any', namespace };
    const request = { command: ['true'], tty: false, stdin: false };
    await Promise.all(
      connections.map(async (each) => {
        await listAll(each, '/api/v1/pods');
        await apply(each, configMap('any'));
        await assert.rejects(exec(each, pod, request, { output() {} }));
      }),
    );
    for (const [index, { requests }] of servers.entries()) {
      const seen = requests.map(({ headers }) => headers.authorization);
      assert.deepEqual(seen, Array(3).fill(`Bearer secret-of-${regions[index]}`));
      assert.ok(!JSON.stringify(requests).includes(`secret-of-${regions[1 - index]}`));
    }
  });
});

const isNotFound = (error: unknown) => error instanceof ApiFailure && error.status === 404;
const has = ({ present }: Watched, ...wanted: string[]) => wanted.every((name) => present.has(name));
const pki = ({ kubeconfig }: KubeRegion, name: string) => join(kubeconfig, '..', '..', 'pki', name);
const authorityOf = (region: KubeRegion) => pki(region, 'ca.crt');
const certificateOf = (region: KubeRegion) => ({
  cert: readFileSync(pki(region, 'apiserver.crt')),
  key: readFileSync(pki(region, 'apiserver.key')),
});

/** The administrator's, by another way. */
const throughProxy = (region: KubeRegion, port: number) =>
  writeKubeconfig(
    {
      server: `https://127.0.0.1:${port}`,
      'certificate-authority': authorityOf(region),
      'tls-server-name': 'kubernetes',
    },
    { 'client-certificate': pki(region, 'client-admin.crt'), 'client-key': pki(region, 'client-admin.key') },
  );

/** Nobody who has heard the past alone can go on from there. */
async function forget(connection: Connection, region: KubeRegion, path: string): Promise<void> {
  const { resourceVersion } = await listAll(connection, path);
  await compact(connection, resourceVersion);
  await region.rig.stop('kube-apiserver', { force: true }); // it remembers more than etcd
  await region.rig.start('kube-apiserver');
}

const CHURN_PAUSE_MS = 20;

/** Pods that no node takes come and go, the last of them stay. */
function churn(api: Api, path: string) {
  let isOver = false;
  const churning = (async () => {
    for (let index = 0; !isOver; index++) {
      const pod = podManifest(`churn-${index}`, 'any/image', {}, { nodeSelector: { is: 'nowhere' } });
      await api('POST', path, pod).catch(() => {}); // while the API server is away
      await api('DELETE', `${path}/churn-${index - 3}`).catch(() => {});
      await sleep(CHURN_PAUSE_MS);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await churning;
    },
  };
}

const ETCD_PORT = 2379;

/** Makes etcd forget all before a revision, as it does every five minutes in production. */
async function compact(connection: Connection, revision: string): Promise<void> {
  const { hostname } = new URL((await connection.credentials()).origin);
  const url = `http://${hostname}:${ETCD_PORT}/v3/kv/compaction`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ revision, physical: true }) });
  assert.ok(response.ok, await response.text());
}

/** What a server says first to a watch, as an answer or in its stream. */
async function firstWord(connection: Connection, path: string, query: Record<string, string | number | boolean>) {
  try {
    const { body } = await connection.open(path, { query });
    for await (const line of readLines(body)) return line;
    return 'nothing';
  } catch (error) {
    return isExpired(error) ? '410 Expired' : String(error);
  }
}
