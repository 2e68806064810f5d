import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Workload } from '../../sdk/index.ts';
import { type KubeRegion, whyNoRig } from './harness.ts';
import { startLoad } from './load.ts';
import { type KubeEco, serving, startKubeEco, terminateAll, untilSo, untilState } from './start-kube-eco.ts';

describe('while a control plane is away', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  let away: KubeRegion;
  let there: KubeRegion;
  let workload: Workload;

  before(async () => {
    eco = await startKubeEco();
    [away, there] = eco.kube.regions;
    workload = await serving(eco);
  });
  after(() => eco?.[Symbol.asyncDispose]());

  const replicas = async () =>
    (await Array.fromAsync(eco.eco.workloads.replicas(workload.id, { all: true }))).map(({ id }) => id);

  for (const [name, leave, back] of [
    ['its API server hangs', () => away.rig.pause('kube-apiserver'), () => away.rig.resume('kube-apiserver')],
    [
      'its API server is down',
      () => away.rig.stop('kube-apiserver', { force: true }),
      () => away.rig.start('kube-apiserver'),
    ],
    ['its etcd is down', () => away.rig.stop('etcd', { force: true }), () => away.rig.start('etcd')],
  ] as [string, () => unknown, () => unknown][])
    test(`${name}: calls go on, nothing is taken for gone or started twice, and all is well again after`, async () => {
      const before = await replicas();
      const load = startLoad(eco.openai, workload.ref, { perSecond: 5 });
      await leave();
      try {
        const degraded = await untilState(eco.eco, workload, 'degraded');
        assert.equal(degraded.reason, 'region_unreachable');
        assert.deepEqual(
          degraded.regions.map(({ ready }) => ready),
          [1, 1],
        );
        const { data } = await eco.eco.regions.list();
        assert.deepEqual(
          data.map((region) => [region.name, region.reachable]),
          [
            [away.name, false],
            [there.name, true],
          ],
        );
        assert.ok(data[0]?.message);
      } finally {
        await back();
      }
      await untilState(eco.eco, workload, 'running');
      const { failures, regions } = await load.end();
      assert.deepEqual(failures, []);
      assert.deepEqual(Object.keys(regions).toSorted(), [away.name, there.name]);
      assert.deepEqual(await replicas(), before);
    });

  test('another region launches, scales and ends as fast as ever', async () => {
    away.rig.pause('kube-apiserver');
    try {
      await untilState(eco.eco, workload, 'degraded');
      const other = await serving(eco, { regions: [there.name] });
      await eco.eco.workloads.scale(other.id, 2);
      await untilSo(eco.eco, other, 'has two', ({ regions }) => regions[0]?.ready === 2);
      await eco.eco.workloads.terminate(other.id);
      await untilState(eco.eco, other, 'terminated');
      const elsewhere = eco.launch({ regions: [away.name] });
      await assert.rejects(elsewhere, { code: 'unavailable', message: new RegExp(`^${away.name} cannot be reached`) });
    } finally {
      away.rig.resume('kube-apiserver');
    }
    await untilState(eco.eco, workload, 'running');
  });

  test('what was stopped meanwhile is stopped once the region confirms it, not before', async () => {
    await away.rig.stop('kube-apiserver', { force: true });
    await eco.eco.workloads.stop(workload.id);
    await untilSo(
      eco.eco,
      workload,
      'waits for the region',
      ({ state, reason }) => state === 'stopping' && reason === 'region_unreachable',
    );
    await away.rig.start('kube-apiserver');
    await untilState(eco.eco, workload, 'stopped');
    await terminateAll(eco);
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
  });
});
