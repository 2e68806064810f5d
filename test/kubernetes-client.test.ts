import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ApiError } from '../server/cluster/kubernetes/client/api-error.ts';
import { Connection } from '../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../server/cluster/kubernetes/client/credentials.ts';
import { readLines } from '../server/cluster/kubernetes/client/lines.ts';
import { listAll } from '../server/cluster/kubernetes/client/list.ts';
import { openCutProxy } from './fakes/cut-proxy.ts';
import { type FakeKubeApi, type KubeHandler, openFakeKubeApi, openWatch, refuse, send } from './fakes/kube-api.ts';
import { type Kubeconfig, writeKubeconfig } from './kubeconfigs.ts';
import { until } from './until.ts';
import { startWatch } from './watched.ts';

const PODS = '/api/v1/pods';
const QUICK = { backOffMinMs: 5, backOffMaxMs: 50 };

const object = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } });
const list = (items: unknown[], metadata: object) => ({ items, metadata: { resourceVersion: '10', ...metadata } });

describe('the Kubernetes client', () => {
  let fake: FakeKubeApi;
  let kubeconfig: Kubeconfig;
  let connection: Connection;

  before(async () => {
    fake = await openFakeKubeApi();
    kubeconfig = writeKubeconfig({ server: `${fake.server}/behind/` });
    connection = new Connection(await openCredentials('eu-1', { kubeconfig: kubeconfig.path }));
  });
  after(async () => {
    await connection[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
    kubeconfig[Symbol.dispose]();
  });
  beforeEach(() => void fake.requests.splice(0));

  test('an overloaded server is asked again after the time that it names, once', async () => {
    const began = performance.now();
    fake.answer((response) => refuse(response, 429, 'TooManyRequests', { 'retry-after': '1' }));
    await assert.rejects(connection.json(PODS), { status: 429, reason: 'TooManyRequests', retryAfter: 1 });
    assert.equal(fake.requests.length, 2);
    assert.ok(performance.now() - began >= 990);
    assert.equal(fake.requests[0]?.url.pathname, `/behind${PODS}`);
  });

  test('an overloaded server that wants more patience than a call has is left alone', async () => {
    fake.answer((response) => refuse(response, 429, 'TooManyRequests', { 'retry-after': '20' }));
    await assert.rejects(connection.json(PODS), { status: 429, retryAfter: 20 });
    assert.equal(fake.requests.length, 1);
  });

  test('a POST is never sent twice', async () => {
    fake.answer((response) => refuse(response, 503, 'ServiceUnavailable'));
    await assert.rejects(connection.json(PODS, { method: 'POST', body: {} }), { status: 503 });
    assert.equal(fake.requests.length, 1);
  });

  test('a server that accepts and does not answer costs no more than the deadline', async () => {
    fake.answer(() => {});
    await assert.rejects(connection.json(PODS, { timeoutMs: 100 }), /no answer within 0\.1 s/);
    await assert.rejects(connection.open(PODS, { timeoutMs: 100 }), /no answer within 0\.1 s/);
    assert.equal(fake.requests.length, 2);
  });

  test('connections that die without a word cost one deadline, however many they are', async () => {
    fake.answer((response) => send(response, list([], {})));
    await using network = await openCutProxy('127.0.0.1', Number(new URL(fake.server).port));
    using far = writeKubeconfig({ server: `http://127.0.0.1:${network.port}/behind` });
    await using through = new Connection(await openCredentials('eu-1', { kubeconfig: far.path }));
    await Promise.all(Array.from({ length: 4 }, () => through.json(PODS)));
    network.strand();
    const late: unknown[] = [];
    for (let call = 0; call < 4; call++)
      await through.json(PODS, { timeoutMs: 200 }).catch((error) => late.push(String(error)));
    assert.deepEqual(late, ['Error: no answer within 0.2 s']);
  });

  test('a stream goes on for longer and further than any answer may', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x\n');
    fake.answer(async (response) => {
      for (let sent = 0; sent < 66; sent++)
        if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
      response.end();
    });
    const { body } = await connection.open(PODS, { timeoutMs: 2_000 });
    let bytes = 0;
    for await (const part of body) bytes += part.length;
    assert.equal(bytes, 66 * chunk.length);
    await assert.rejects(connection.json(PODS), /an answer of more than \d+ bytes/);
  });

  test('a list whose page has expired begins again', async () => {
    let hasExpired = false;
    fake.answer((response, { url }) => {
      if (!url.searchParams.has('continue')) return send(response, list([object('a', '1')], { continue: 'more' }));
      if (hasExpired) return send(response, list([object('b', '2')], {}));
      hasExpired = true;
      refuse(response, 410, 'Expired');
    });
    const { items, resourceVersion } = await listAll(connection, PODS, {}, { pageItems: 1 });
    assert.deepEqual([items.map(({ metadata }) => metadata.name), resourceVersion], [['a', 'b'], '10']);
    assert.equal(fake.requests.length, 4);
    assert.equal(fake.requests[0]?.url.searchParams.get('limit'), '1');
  });

  const gone: [string, KubeHandler][] = [
    ['as an answer', (response) => refuse(response, 410, 'Expired')],
    ['in the stream', (response) => openWatch(response)('ERROR', { code: 410, reason: 'Expired', message: 'too old' })],
  ];
  for (const [how, expire] of gone) {
    test(`history that is gone, told ${how}, is no trouble: it lists again`, async () => {
      let lists = 0;
      fake.answer((response, request) => {
        if (!request.url.searchParams.has('watch')) return send(response, list([object(`pod-${++lists}`, '1')], {}));
        if (lists === 1) return expire(response, request);
        openWatch(response);
      });
      await using watched = startWatch(connection, PODS, { timings: QUICK });
      await until('the second list counts', () => watched.present.has('pod-2'));
      assert.deepEqual(watched.troubles, []);
      assert.ok(!watched.present.has('pod-1'));
    });
  }

  test('a round that the server ends is followed by one from where it left off, without a list', async () => {
    fake.answer((response, { url }) => {
      if (!url.searchParams.has('watch')) return send(response, list([], {}));
      const tell = openWatch(response);
      if (url.searchParams.get('resourceVersion') !== '10') return;
      tell('ADDED', object('new', '11'));
      tell('BOOKMARK', object('', '20'));
      response.end();
    });
    await using watched = startWatch(connection, PODS, { timings: QUICK });
    await until('it goes on', () => fake.requests.length === 3);
    assert.equal(fake.requests[2]?.url.searchParams.get('resourceVersion'), '20');
    assert.deepEqual([[...watched.present], watched.lists], [['new'], 1]);
  });

  test('a watch that hears nothing, not even a bookmark, is given up and made again', async () => {
    fake.answer((response, { url }) =>
      url.searchParams.has('watch') ? void openWatch(response) : send(response, list([], {})),
    );
    await using watched = startWatch(connection, PODS, { timings: { ...QUICK, idleTimeoutMs: 100 } });
    await until('it has listed three times', () => watched.lists >= 3);
    assert.match(String(watched.troubles[0]), /the watch heard nothing for 0\.1 s/);
  });

  const spoilt: [string, KubeHandler][] = [
    ['ends at once', (response) => void response.end()],
    ['is forbidden', (response) => refuse(response, 403, 'Forbidden')],
    ['sends what is no event', (response) => void response.end('half of an ev')],
  ];
  for (const [what, spoil] of spoilt) {
    test(`a watch that ${what} is tried less and less often`, async () => {
      fake.answer((response, request) =>
        request.url.searchParams.has('watch') ? spoil(response, request) : send(response, list([], {})),
      );
      await using watched = startWatch(connection, PODS, { timings: { backOffMinMs: 20, backOffMaxMs: 10_000 } });
      const times: number[] = [];
      for (let lists = 1; lists <= 5; lists++) {
        await until(`list ${lists}`, () => watched.lists >= lists);
        times.push(performance.now());
      }
      const [first = 0, second = 0, , fourth = 0, fifth = 0] = times;
      assert.ok(fifth - fourth > 2 * (second - first), String(times));
      assert.ok(watched.troubles[0] instanceof Error);
    });
  }

  test('a watch waits as long as an overloaded server asks for', async () => {
    fake.answer((response) => refuse(response, 429, 'TooManyRequests', { 'retry-after': '1' }));
    await using watched = startWatch(connection, PODS, { timings: { backOffMinMs: 1, backOffMaxMs: 1 } });
    await until('it has been refused', () => watched.troubles.length === 1, 5_000);
    assert.ok(watched.troubles[0] instanceof ApiError);
    const asked = fake.requests.length;
    const began = performance.now();
    await until('it asks again', () => fake.requests.length > asked);
    assert.ok(performance.now() - began > 900);
  });
});

describe('credentials of a region', () => {
  const SERVER = { server: 'https://127.0.0.1:1' };
  const open = (path: string) => openCredentials('eu-1', { kubeconfig: path }, { reloadMinMs: 0 });

  test('a token file is read before every request', async () => {
    using kubeconfig = writeKubeconfig(SERVER, { tokenFile: 'token' });
    writeFileSync(join(kubeconfig.folder, 'token'), 'first\n');
    const credentials = await open(kubeconfig.path);
    assert.equal((await credentials.read()).headers.Authorization, 'Bearer first');
    writeFileSync(join(kubeconfig.folder, 'token'), 'second\n');
    assert.equal((await credentials.read()).headers.Authorization, 'Bearer second');
  });

  test('certificates are found beside the kubeconfig, and followed when they rotate', async () => {
    using kubeconfig = writeKubeconfig({ ...SERVER, 'certificate-authority': 'ca' }, { 'client-certificate': 'cert' });
    for (const name of ['ca', 'cert']) writeFileSync(join(kubeconfig.folder, name), `${name} 1`);
    const credentials = await open(kubeconfig.path);
    writeFileSync(join(kubeconfig.folder, 'cert'), 'cert 2');
    const { tls } = await credentials.read();
    assert.deepEqual([String(tls.ca), String(tls.cert)], ['ca 1', 'cert 2']);
  });

  test('an exec plugin is run once for many, again when its token has expired, and when the server refuses it', async () => {
    using plugin = writePlugin();
    const credentials = await open(plugin.path);
    const token = async () => (await credentials.read()).headers.Authorization;
    assert.deepEqual(await Promise.all([token(), token(), token()]), Array(3).fill('Bearer token-1'));
    plugin.sayExpiry(-1_000);
    await credentials.refused();
    assert.equal(await token(), 'Bearer token-2');
    plugin.sayExpiry(3_600_000);
    assert.equal(await token(), 'Bearer token-3');
    assert.equal(await token(), 'Bearer token-3');
    await credentials.refused();
    assert.equal(await token(), 'Bearer token-4');
  });

  test('an exec plugin is told what it is asked for', async () => {
    using plugin = writePlugin();
    await (await open(plugin.path)).read();
    assert.deepEqual(JSON.parse(plugin.asked()), {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: SERVER },
    });
  });

  test('two regions whose users have the same name each keep their own', async () => {
    using eu = writeKubeconfig(SERVER, { token: 'of-eu' });
    using us = writeKubeconfig(SERVER, { token: 'of-us' });
    const [ofEu, ofUs] = await Promise.all([open(eu.path), open(us.path)]);
    assert.equal((await ofEu.read()).headers.Authorization, 'Bearer of-eu');
    assert.equal((await ofUs.read()).headers.Authorization, 'Bearer of-us');
  });

  test('what cannot work is told by file', async () => {
    using kubeconfig = writeKubeconfig({ ...SERVER, 'proxy-url': 'http://proxy' });
    await assert.rejects(open(kubeconfig.path), /config\.json: proxy-url of "main" is not supported/);
    const absent = openCredentials('eu-1', { kubeconfig: kubeconfig.path, context: 'absent' });
    await assert.rejects(absent, /no cluster for the context "absent" of eu-1/);
  });
});

test('lines come whole however the chunks fall, the last also without a line end', async () => {
  const chunks = ['a\nbb', 'b', '\n\nc', 'é'].map((text) => Buffer.from(text));
  assert.deepEqual(await Array.fromAsync(readLines(asStream(chunks))), ['a', 'bbb', 'cé']);
});

async function* asStream(chunks: Buffer[]) {
  yield* chunks;
}

/** An exec plugin whose tokens are numbered. */
function writePlugin() {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', provideClusterInfo: true };
  const kubeconfig = writeKubeconfig({ server: 'https://127.0.0.1:1' }, { exec });
  const file = (name: string) => join(kubeconfig.folder, name);
  writeFileSync(file('expiry'), '');
  writeFileSync(file('plugin'), PLUGIN);
  chmodSync(file('plugin'), 0o755);
  const sayExpiry = (inMs: number) =>
    writeFileSync(file('expiry'), `, "expirationTimestamp": "${new Date(Date.now() + inMs).toISOString()}"`);
  return { ...kubeconfig, sayExpiry, asked: () => readFileSync(file('asked'), 'utf8') };
}

const PLUGIN = `#!/bin/sh
cd "$(dirname "$0")"
printf %s "$KUBERNETES_EXEC_INFO" > asked
echo run >> runs
echo '{ "kind": "ExecCredential", "status": { "token": "token-'$(wc -l < runs)'"' "$(cat expiry)" '} }'
`;
