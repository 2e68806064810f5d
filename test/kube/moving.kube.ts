import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Workload } from '../../sdk/index.ts';
import { startEco, type TestEco } from '../harness.ts';
import { type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';
import { type KubeProxy, openKubeProxy } from './proxy.ts';
import { listObjects, regionConfig, terminateAll, untilSo, untilState } from './start-kube-eco.ts';

const MODEL = { name: 'my-llama', source: { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct' } } as const;
const PRODUCTS = { h100: 'NVIDIA-H100-80GB-HBM3', l40s: 'NVIDIA-L40S' };
/** Dollars per GPU-hour: to move makes the one cheaper and the other dearer. */
const PRICES = { 'eu-1': { h100: '5.00', l40s: '1.00' }, 'us-2': { h100: '1.00', l40s: '5.00' } };
const LOCAL_PRICE = '2.00';
const HOLD_HOURS = 24;
const dollars = (...prices: string[]) =>
  (HOLD_HOURS * prices.reduce((sum, price) => sum + Number(price), 0)).toFixed(2);
/** From the launch on: until it is noticed, for as long as it is waited, and until that is looked at. */
const LEFT_WITHIN_MS = 17_000;

/** The least room is in us-2: it is where nothing goes at first. */
const gpusOf = (region: keyof typeof PRICES) =>
  Object.entries(PRODUCTS).map(([type, product]) => ({
    type,
    price_per_hour: PRICES[region][type as keyof typeof PRODUCTS],
    node_labels: { 'nvidia.com/gpu.product': product },
    ...(region === 'us-2' && { budget: 2 }),
  }));
const LOCAL = {
  name: 'local-c',
  kind: 'local',
  gpus: Object.keys(PRODUCTS).map((type) => ({ type, count: 3, price_per_hour: LOCAL_PRICE })),
};

describe('a region that cannot take a workload after all', { skip: whyNoRig() }, () => {
  const owned = new AsyncDisposableStack();
  let eu: KubeRegion;
  let proxy: KubeProxy;
  let server: TestEco;
  let other: Awaited<ReturnType<TestEco['newAccount']>>;

  before(async () => {
    const kube = owned.use(await leastPrivileged(await startKube()));
    eu = kube.regions[0];
    proxy = owned.use(await openKubeProxy(eu));
    const regions = [
      regionConfig(proxy.region, { gpus: gpusOf('eu-1') }),
      regionConfig(kube.regions[1], { gpus: gpusOf('us-2') }),
      LOCAL,
    ];
    server = owned.use(await startEco('sqlite', { regions }));
    other = await server.newAccount('other');
    for (const { eco } of [server, other]) await eco.models.register(MODEL);
  });
  after(async () => {
    await cordon(eu, false);
    await owned.disposeAsync();
  });

  const launch = ({ eco }: Pick<TestEco, 'eco'>, type: string, regions?: string[]) =>
    eco.instances.launch({ model: MODEL.name, image: 'ecolink/sim', gpu: { type }, ...(regions && { regions }) });

  test('is left for the next within 15 s, and the hold is that of where it is; one that was named is not', async () => {
    await makeNamespace(eu, namespaceOf(other), { pods: '0' });
    const admitted = Promise.withResolvers<void>();
    proxy.way.before = async ({ method, url }) => {
      if (method === 'PATCH' && url.pathname.includes('/deployments/')) await admitted.promise;
      return false;
    };
    const [cordoned, refused, fixed] = await Promise.all([
      launch(server, 'h100'),
      launch(other, 'l40s'),
      launch(server, 'h100', ['eu-1']),
    ]);
    await cordon(eu, true);
    admitted.resolve();

    const follow = async ({ eco }: Pick<TestEco, 'eco'>, launched: Workload, type: keyof typeof PRODUCTS) => {
      const { 'eu-1': from, 'us-2': to } = { 'eu-1': PRICES['eu-1'][type], 'us-2': PRICES['us-2'][type] };
      assert.deepEqual(placesOf(launched), ['eu-1', 'local-c']);
      assert.equal(launched.hold, dollars(LOCAL_PRICE, '5.00'), 'the dearest that it may come to');
      assert.equal(launched.rate_per_hour, (Number(LOCAL_PRICE) + Number(from)).toFixed(2));
      const now = await untilState(eco, launched, 'running');
      assert.deepEqual(placesOf(now), ['local-c', 'us-2']);
      assert.equal(now.rate_per_hour, (Number(LOCAL_PRICE) + Number(to)).toFixed(2));
      const held = ({ hold }: Workload) => hold === dollars(LOCAL_PRICE, to);
      await untilSo(eco, launched, 'holds what it costs where it is', held);
      const { data } = await eco.workloads.events(launched.id);
      const [moved, ...more] = data.filter(({ reason }) => reason === 'moved');
      assert.deepEqual(more, []);
      assert.match(moved?.message ?? '', /^eu-1 could not take it for \d+ s: it is started in us-2 instead\.$/);
      assert.ok(moved!.at - launched.created_at < LEFT_WITHIN_MS, `left after ${moved!.at - launched.created_at} ms`);
    };
    await Promise.all([follow(server, cordoned, 'h100'), follow(other, refused, 'l40s')]);

    const stays = await server.eco.workloads.get(fixed.id);
    assert.deepEqual([stays.state, stays.reason, placesOf(stays)], ['pending', 'nodes_unavailable', ['eu-1']]);
    assert.match(stays.message, /No node of eu-1 with h100 takes pods now/);
    const { data } = await server.eco.workloads.events(fixed.id);
    assert.ok(!data.some(({ reason }) => reason === 'moved'));
    for (const account of [server, other]) {
      const objects = await listObjects(eu.api, namespaceOf(account));
      assert.deepEqual(
        objects.filter((name) => name.includes(`-${account === server ? cordoned.id : refused.id}`)),
        [],
      );
    }
  });

  test('takes what was named for it once it can, and all ends as it should', async () => {
    await cordon(eu, false);
    const [fixed] = (await Array.fromAsync(server.eco.workloads.list())).filter(({ state }) => state === 'pending');
    const ended = terminateAll(other);
    await untilState(server.eco, fixed!, 'running');
    await Promise.all([ended, terminateAll(server)]);
    assert.deepEqual((await server.admin.admin.audit()).findings, []);
  });
});

const namespaceOf = ({ accountId }: { accountId: string }) => `eco-${accountId.toLowerCase().replaceAll('_', '-')}`;
const placesOf = ({ regions }: Workload) => regions.map(({ region }) => region).toSorted();

/** No node takes pods any more, or all do. */
const cordon = ({ api, nodes }: KubeRegion, unschedulable: boolean) =>
  Promise.all(
    nodes.map((node) =>
      api('PATCH', `/api/v1/nodes/${node}`, { spec: { unschedulable } }, 'application/merge-patch+json'),
    ),
  );

/** With an administrator's own quota, of which nobody here knows. */
async function makeNamespace({ api }: KubeRegion, name: string, hard: Record<string, string>): Promise<void> {
  await api('POST', '/api/v1/namespaces', { metadata: { name } });
  await api('POST', `/api/v1/namespaces/${name}/resourcequotas`, {
    metadata: { name: 'administrator' },
    spec: { hard },
  });
}
