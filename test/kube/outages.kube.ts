import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Workload } from '../../sdk/index.ts';
import { until } from '../until.ts';
import { type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { regionsThatAnswer, startLoad } from './load.ts';
import { type KubeEco, serving, startKubeEco, terminateAll, untilSo, untilState } from './start-kube-eco.ts';

/** How long a control plane is away at least: a minute in full, less while working. */
const OUTAGE_MS = Number(process.env.ECO_KUBE_OUTAGE_SECONDS ?? 12) * 1_000;
/** As clusters have it, and the run's rig has not: nodes that cannot tell of themselves are not lost at once. */
const PATIENCE = { nodes: 'h100:8x1', nodeGrace: '50s', toleration: 300 };
/** Until a region that is back can be asked again. */
const HEALED_MS = 5_000;
const BACK_MS = 60_000;
const CALLS = { perSecond: 5 };

interface Outage {
  name: string;
  leave(): unknown;
  back(): unknown;
  meanwhile?: () => Promise<void>;
}

describe('while a control plane is away', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  let away: KubeRegion;
  let there: KubeRegion;
  let workload: Workload;

  before(async () => {
    eco = await startKubeEco({}, await startKube(PATIENCE));
    [away, there] = eco.kube.regions;
    workload = await serving(eco);
  });
  after(() => eco?.[Symbol.asyncDispose]());

  const replicas = async () =>
    (await Array.fromAsync(eco.eco.workloads.replicas(workload.id, { all: true }))).map(({ id }) => id);

  /** What another region does as ever, and who wants the one that is away is told so. */
  const useOther = async () => {
    const other = await serving(eco, { regions: [there.name] });
    await eco.eco.workloads.scale(other.id, 2);
    await untilSo(eco.eco, other, 'has two', ({ regions }) => regions[0]?.ready === 2);
    await eco.eco.workloads.terminate(other.id);
    await untilState(eco.eco, other, 'terminated');
    const message = new RegExp(`^${away.name} cannot be reached`);
    await assert.rejects(eco.launch({ regions: [away.name] }), { code: 'unavailable', message });
  };

  for (const { name, leave, back, meanwhile } of [
    {
      name: 'its API server hangs',
      leave: () => away.rig.pause('kube-apiserver'),
      back: () => away.rig.resume('kube-apiserver'),
      meanwhile: useOther,
    },
    {
      name: 'its API server is down',
      leave: () => away.rig.stop('kube-apiserver', { force: true }),
      back: () => away.rig.start('kube-apiserver'),
    },
    {
      name: 'its etcd is down',
      leave: () => away.rig.stop('etcd', { force: true }),
      back: () => away.rig.start('etcd'),
    },
  ] as Outage[])
    test(`${name}: both regions answer, nothing is taken for gone or started twice, and all is soon well again`, async () => {
      const known = await replicas();
      using load = startLoad(eco.openai, workload.ref, CALLS);
      const began = performance.now();
      await leave();
      try {
        const done = meanwhile?.();
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
        await sleep(Math.max(0, OUTAGE_MS - (performance.now() - began)));
        await done;
        assert.deepEqual(await regionsThatAnswer(eco.openai, workload.ref), [away.name, there.name]);
      } finally {
        await back();
      }
      const isBack = () => away.api('GET', '/readyz').catch(() => false);
      await until('the API server is itself again', isBack, BACK_MS);
      const isReachable = async () => (await eco.eco.regions.list()).data[0]?.reachable;
      await until('the region can be asked', isReachable, HEALED_MS);
      await untilState(eco.eco, workload, 'running');
      const { calls, failures } = await load.end();
      assert.deepEqual(failures, [], `${calls} calls`);
      assert.deepEqual(await replicas(), known);
    });

  test('what was stopped meanwhile is stopped once the region confirms it, not before', async () => {
    away.rig.pause('kube-apiserver'); // hangs: after a restart Kubernetes itself takes up to a minute to collect
    await eco.eco.workloads.stop(workload.id);
    await untilSo(
      eco.eco,
      workload,
      'waits for the region',
      ({ state, reason }) => state === 'stopping' && reason === 'region_unreachable',
    );
    away.rig.resume('kube-apiserver');
    await untilState(eco.eco, workload, 'stopped');
    await terminateAll(eco);
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
  });
});
