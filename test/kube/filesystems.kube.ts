import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { Config } from '../../server/config.ts';
import { startEco, type TestEco } from '../harness.ts';
import { until } from '../until.ts';
import type { Api } from './api.ts';
import { type Kube, startKube, whyNoRig } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';
import { regionConfig, untilSo, untilState } from './start-kube-eco.ts';

const START_TIMEOUT_MS = 120_000;
/** Of volumes and claims: nobody else's may fit. */
const CLASS = `fs-${randomBytes(4).toString('hex')}`;
const launchOf = (model: string) => ({
  model,
  image: 'ecolink/reads-weights',
  engine: 'vllm' as const,
  gpu: { type: 'h100' },
});

describe('weights on a filesystem of a Kubernetes region', { skip: whyNoRig(), concurrency: true }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-volumes-'));
  let kube: Kube;
  let api: Api;
  let server: TestEco;
  let stranger: Awaited<ReturnType<TestEco['newAccount']>>;

  before(async () => {
    kube = await leastPrivileged(await startKube());
    const [eu, us] = kube.regions;
    api = eu.api;
    writeWeights(join(folder, 'new/models/my-ft'), 'seven layers');
    writeWeights(join(folder, 'old/of-2024'), 'forty layers');
    await makeVolume(api, `${CLASS}-new`, { path: join(folder, 'new'), storageClassName: CLASS });
    await makeVolume(api, `${CLASS}-old`, { path: join(folder, 'old') });
    server = await startEco('sqlite', { regions: [regionConfig(eu), regionConfig(us)] });
    stranger = await server.newAccount('stranger');
    const filesystems = [
      { name: 'shared', mount: '/shared', size_gib: 1, storage_class: CLASS },
      { name: 'old', mount: '/old', size_gib: 1, volume: `${CLASS}-old`, account: server.accountId },
      { name: 'lost', mount: '/lost', size_gib: 1, volume: `${CLASS}-lost`, account: stranger.accountId },
    ];
    const regions = [regionConfig(eu, { filesystems }), regionConfig(us)];
    await server.server.context.changeRegions(Config.parse({ regions }).regions);
    await register('my-ft', 'shared', '/shared/models/my-ft');
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    for (const { accountId } of [server, stranger]) await api('DELETE', `/api/v1/namespaces/${namespaceOf(accountId)}`);
    for (const name of ['new', 'old']) await api('DELETE', `/api/v1/persistentvolumes/${CLASS}-${name}`);
    await kube?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const register = (name: string, filesystem: string, path: string, { eco } = server) =>
    eco.models.register({ name, source: { type: 'filesystem', filesystem, path } });
  const claimOf = (accountId: string, filesystem: string) =>
    api('GET', `/api/v1/namespaces/${namespaceOf(accountId)}/persistentvolumeclaims/eco-fs-${filesystem}`);
  const firstLine = async (id: number) => (await Array.fromAsync(server.eco.workloads.logs(id, { tail: 100 })))[0];

  test('are read by one replica in its region, and outlive the workload', async () => {
    const { id, ref } = await server.eco.instances.launch(launchOf('my-ft'));
    const { regions } = await server.eco.instances.waitUntilRunning(id, { timeoutMs: START_TIMEOUT_MS });
    assert.deepEqual(regions, [{ region: 'eu-1', desired: 1, ready: 1 }]);
    assert.equal((await firstLine(id))?.text, 'loaded seven layers from /shared/models/my-ft');
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.apiKey, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'The quick brown fox.' }];
    const { choices } = await openai.chat.completions.create({ model: ref, messages });
    assert.equal(choices[0]?.message.content?.trim(), 'The quick brown fox.');
    const [mount] = await mountsOf(api, server.accountId, id);
    assert.deepEqual(mount, { name: 'eco-fs-shared', mountPath: '/shared', readOnly: true });

    await server.eco.workloads.terminate(id);
    await untilState(server.eco, { id }, 'terminated');
    const { status, metadata, spec } = await claimOf(server.accountId, 'shared');
    assert.equal(status.phase, 'Bound');
    assert.equal(metadata.deletionTimestamp, undefined);
    assert.equal(metadata.labels['ecolink.dev/account'], server.accountId);
    assert.deepEqual(
      [spec.storageClassName, spec.resources.requests.storage, spec.accessModes],
      [CLASS, '1Gi', ['ReadWriteMany']],
    );
  });

  test('run nowhere else', async () => {
    const quote = await server.eco.instances.quote(launchOf('my-ft'));
    assert.deepEqual(
      quote.placements.map(({ region }) => region),
      ['eu-1'],
    );
    await assert.rejects(server.eco.instances.quote({ ...launchOf('my-ft'), regions: ['us-2'] }), {
      code: 'invalid_request',
      message: /cannot run in us-2: its weights are on the filesystem "shared" of eu-1/,
    });
  });

  test("may be on a volume that was there before, which is one account's", async () => {
    await register('old-ft', 'old', '/old/of-2024');
    const { id } = await server.eco.instances.launch(launchOf('old-ft'));
    await server.eco.instances.waitUntilRunning(id, { timeoutMs: START_TIMEOUT_MS });
    assert.equal((await firstLine(id))?.text, 'loaded forty layers from /old/of-2024');
    const { spec, status } = await claimOf(server.accountId, 'old');
    assert.deepEqual([spec.volumeName, status.phase], [`${CLASS}-old`, 'Bound']);
    await server.eco.workloads.terminate(id);
    await untilState(server.eco, { id }, 'terminated');
  });

  test("of another account are not there: neither in the list, nor for a model of one's own", async () => {
    const { data } = await stranger.eco.regions.list();
    assert.deepEqual(
      data.flatMap(({ filesystems }) => filesystems.map(({ name }) => name)),
      ['shared', 'lost'],
    );
    await assert.rejects(register('stolen', 'old', '/old/of-2024', { ...server, ...stranger }), {
      code: 'invalid_request',
      param: 'source.filesystem',
      message: /no region has a filesystem "old".* Known: shared, lost\./,
    });
  });

  for (const [what, filesystem, said] of [
    ['whose class has no volume left', 'shared', /unbound immediate PersistentVolumeClaims/],
    ['whose volume is not there', 'lost', /unbound immediate PersistentVolumeClaims/],
  ] as const)
    test(`${what}: the workload waits, and says for what`, async () => {
      await untilBound(api, `${CLASS}-new`); // by the other account
      await register(`ft-${filesystem}`, filesystem, `/${filesystem}/ft`, { ...server, ...stranger });
      const { id } = await stranger.eco.instances.launch(launchOf(`ft-${filesystem}`));
      const isWaiting = ({ reason }: { reason: string }) => reason === 'volume_unavailable';
      const { state, message } = await untilSo(stranger.eco, { id }, 'waits for its volume', isWaiting);
      assert.equal(state, 'pending');
      assert.match(message, new RegExp(`The volume of its filesystem "${filesystem}" in eu-1 is not there: `));
      assert.match(message, said);
      assert.equal((await claimOf(stranger.accountId, filesystem)).status.phase, 'Pending');
      await stranger.eco.workloads.terminate(id);
      await untilState(stranger.eco, { id }, 'terminated');
    });
});

const namespaceOf = (accountId: string) => `eco-${accountId.toLowerCase().replaceAll('_', '-')}`;

interface VolumeOptions {
  path: string;
  /** Without one it is found by its name alone. */
  storageClassName?: string;
}

/** A folder of this machine as what a cluster's storage has made. */
const makeVolume = (api: Api, name: string, { path, storageClassName }: VolumeOptions) =>
  api('POST', '/api/v1/persistentvolumes', {
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path },
      storageClassName,
    },
  });

const untilBound = (api: Api, volume: string) =>
  until(
    `${volume} is bound`,
    async () => (await api('GET', `/api/v1/persistentvolumes/${volume}`)).status.phase === 'Bound',
    START_TIMEOUT_MS,
  );

function writeWeights(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'weights.txt'), text);
}

/** Of filesystems, in a workload's pod. */
async function mountsOf(api: Api, accountId: string, id: number): Promise<{ name: string }[]> {
  const selector = `labelSelector=ecolink.dev/workload=${id}`;
  const { items } = await api('GET', `/api/v1/namespaces/${namespaceOf(accountId)}/pods?${selector}`);
  const mounts: { name: string }[] = items[0].spec.containers[0].volumeMounts;
  return mounts.filter(({ name }) => name.startsWith('eco-fs-'));
}
