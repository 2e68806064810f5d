import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import type { Eco } from '../../sdk/index.ts';
import { apply } from '../../server/cluster/kubernetes/client/apply.ts';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { KubernetesRegionConfig, siteOf } from '../../server/cluster/kubernetes/config.ts';
import { claimManifest } from '../../server/cluster/kubernetes/manifest/claim.ts';
import { startEco, type TestEco } from '../harness.ts';
import { type Kube, startKube, whyNoRig } from './harness.ts';
import { TEST_OPTIONS } from './shared-rig.ts';
import { regionConfig, untilSo, untilState } from './start-kube-eco.ts';

const reader = fileURLToPath(new URL('read-weights.ts', import.meta.url));
const RUN = [...(TEST_OPTIONS.run ?? []), `^vllm/=HOST=$POD_IP exec ${process.execPath} ${reader} "$@"`];
const START_TIMEOUT_MS = 120_000;
const SHARED = { name: 'shared', mount: '/shared', size_gib: 10, storage_class: 'shared' };
const SOURCE = { type: 'filesystem', filesystem: 'shared', path: '/shared/models/my-ft' } as const;
const LAUNCH = { model: 'my-ft', image: 'vllm/vllm-openai:test', gpu: { type: 'h100' } };

describe('weights on a filesystem of a Kubernetes region', { skip: whyNoRig() }, () => {
  let kube: Kube;
  let server: TestEco;

  before(async () => {
    kube = await startKube({ volumes: 1, nodes: 'h100:8x1', run: RUN });
    const [eu, us] = kube.regions;
    server = await startEco('sqlite', { regions: [regionConfig(eu, { filesystems: [SHARED] }), regionConfig(us)] });
    await register(server.eco);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await kube?.[Symbol.asyncDispose]();
  });

  const register = (eco: Eco) => eco.models.register({ name: 'my-ft', source: SOURCE });
  const claimOf = (accountId: string) => {
    const namespace = `eco-${accountId.toLowerCase().replaceAll('_', '-')}`;
    return kube.regions[0].api('GET', `/api/v1/namespaces/${namespace}/persistentvolumeclaims/eco-fs-shared`);
  };

  test('are read by one replica in its region, and outlive the workload', async () => {
    const [eu] = kube.regions;
    const folder = join(eu.rig.dir, eu.name, 'volumes', `shared-${eu.name}-1`, 'models/my-ft');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'weights.txt'), 'seven layers');

    const { id, ref } = await server.eco.instances.launch(LAUNCH);
    const { regions } = await server.eco.instances.waitUntilRunning(id, { timeoutMs: START_TIMEOUT_MS });
    assert.deepEqual(regions, [{ region: 'eu-1', desired: 1, ready: 1 }]);
    const lines = await Array.fromAsync(server.eco.workloads.logs(id, { tail: 100 }));
    assert.ok(lines.some(({ text }) => text === 'loaded seven layers from /shared/models/my-ft'));
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.apiKey, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'The quick brown fox.' }];
    const { choices } = await openai.chat.completions.create({ model: ref, messages });
    assert.equal(choices[0]?.message.content?.trim(), 'The quick brown fox.');

    await server.eco.workloads.terminate(id);
    await untilState(server.eco, { id }, 'terminated');
    const { status, metadata } = await claimOf(server.accountId);
    assert.equal(status.phase, 'Bound');
    assert.equal(metadata.deletionTimestamp, undefined);
    assert.equal(metadata.labels['ecolink.dev/account'], server.accountId);
  });

  test('run nowhere else', async () => {
    const quote = await server.eco.instances.quote(LAUNCH);
    assert.deepEqual(
      quote.placements.map(({ region }) => region),
      ['eu-1'],
    );
    await assert.rejects(server.eco.instances.quote({ ...LAUNCH, regions: ['us-2'] }), {
      code: 'invalid_request',
      message: /cannot run in us-2: its weights are on the filesystem "shared" of eu-1/,
    });
  });

  test('whose class has no volume left: it waits, and says for what', async () => {
    const { eco, accountId } = await server.newAccount();
    await register(eco);
    const { id } = await eco.instances.launch(LAUNCH);
    const isWaiting = ({ reason }: { reason: string }) => reason === 'volume_unavailable';
    const { message } = await untilSo(eco, { id }, 'waits for its volume', isWaiting);
    assert.match(message, /The volume of its filesystem "shared" in eu-1 is not there: .*PersistentVolumeClaims/);
    assert.equal((await claimOf(accountId)).status.phase, 'Pending');
    await eco.workloads.terminate(id);
    await untilState(eco, { id }, 'terminated');
  });

  test('claims of a class and of a volume that is there are accepted', async () => {
    const [eu] = kube.regions;
    const filesystems = [SHARED, { ...SHARED, name: 'old', mount: '/old', volume: 'weights', account: 'acc_1' }];
    const config = KubernetesRegionConfig.parse(regionConfig(eu, { filesystems, namespace_prefix: 'eco-test' }));
    const namespace = await kube.newNamespace(eu);
    await using connection = new Connection(await openCredentials(eu.name, { kubeconfig: eu.kubeconfig }));
    for (const filesystem of config.filesystems) {
      const claim = claimManifest(filesystem, namespace.slice('eco-test-'.length), siteOf(config, 'ins_1'));
      const { metadata } = await apply(connection, claim, { dryRun: true });
      assert.deepEqual([metadata.name, metadata.namespace], [claim.metadata.name, namespace]);
    }
  });
});
