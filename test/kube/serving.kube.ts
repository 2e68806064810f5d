import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { until } from '../until.ts';
import { type KubeRegion, whyNoRig } from './harness.ts';
import { startLoad } from './load.ts';
import {
  type KubeEco,
  listObjects,
  serving,
  startKubeEco,
  terminateAll,
  untilSo,
  untilState,
} from './start-kube-eco.ts';

/** Streams that had begun, at a time: a few calls a second, each of a few hundred milliseconds. */
const CUT_MAX = 20;
const CUT = /^streamed .*broke before the answer was complete/;
const QUESTION = [{ role: 'user' as const, content: 'The quick brown fox.' }];

/** Of an account that has run something and runs nothing. */
const STAYING = ['configmaps/kube-root-ca.crt', 'resourcequotas/ecolink', 'serviceaccounts/default'];

describe('an instance on two Kubernetes regions', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  before(async () => {
    eco = await startKubeEco();
  });
  after(() => eco?.[Symbol.asyncDispose]());
  afterEach(() => terminateAll(eco));

  const ask = (model: string) => eco.openai.chat.completions.create({ model, messages: QUESTION }).withResponse();
  /** Of several calls at a time, which the gateway spreads. */
  const regionsThatAnswer = async (model: string, calls = 8) => {
    const answers = await Promise.all(Array.from({ length: calls }, () => ask(model)));
    return [...new Set(answers.map(({ response }) => response.headers.get('x-ecolink-region')))].toSorted();
  };

  test('from Hugging Face it has a replica in each, and both answer', async () => {
    const { id, ref, regions } = await serving(eco);
    assert.deepEqual(
      regions.toSorted((a, b) => a.region.localeCompare(b.region)),
      [
        { region: 'eu-1', desired: 1, ready: 1 },
        { region: 'us-2', desired: 1, ready: 1 },
      ],
    );
    const { data } = await ask(ref);
    assert.equal(data.choices[0]?.message.content?.trim(), 'The quick brown fox.');
    assert.deepEqual(await regionsThatAnswer(ref), ['eu-1', 'us-2']);
    const lines = await Array.fromAsync(eco.eco.workloads.logs(id, { tail: 100 }));
    assert.deepEqual([...new Set(lines.map((line) => line.region))].toSorted(), ['eu-1', 'us-2']);
  });

  test('one region cut off, first its API server, then its nodes: calls go on; back again, both serve', async () => {
    const workload = await serving(eco);
    const { rig, nodes } = eco.kube.regions[0];
    const load = startLoad(eco.openai, workload.ref);
    await rig.stop('kube-apiserver', { force: true });
    try {
      const degraded = await untilState(eco.eco, workload, 'degraded');
      assert.equal(degraded.reason, 'region_unreachable');
      assert.match(degraded.message, /2 of 2 replicas ready as last seen; eu-1 cannot be asked/);
      assert.equal(degraded.hint, 'eco regions');
      assert.deepEqual(await regionsThatAnswer(workload.ref), ['eu-1', 'us-2']);
      await Promise.all(nodes.map((node) => rig.stop(node, { force: true })));
      await ask(workload.ref);
      assert.deepEqual(await regionsThatAnswer(workload.ref), ['us-2']);
      const { calls, failures } = await load.end();
      // what has begun to answer when its machine dies cannot be asked again elsewhere
      const others = failures.filter((failure) => !CUT.test(failure));
      assert.deepEqual(others, [], `${failures.length} of ${calls} calls were cut`);
      assert.ok(failures.length < CUT_MAX, `${failures.length} of ${calls} calls were cut`);
    } finally {
      await rig.start('kube-apiserver');
      for (const node of nodes) await rig.start(node);
    }
    await untilState(eco.eco, workload, 'running');
    // a cluster that is back tells for a moment what was true before
    await until('both serve', async () => (await regionsThatAnswer(workload.ref)).length === 2, 60_000);
  });

  test('scaled from 2 to 5 to 1 under load no call fails', async () => {
    const workload = await serving(eco, { replicas: 2 });
    const load = startLoad(eco.openai, workload.ref);
    await eco.eco.workloads.scale(workload.id, 5);
    await untilSo(
      eco.eco,
      workload,
      'has 5 in each region',
      ({ state, regions }) => state === 'running' && regions.every(({ ready }) => ready === 5),
    );
    await eco.eco.workloads.scale(workload.id, 1);
    const left = async () => (await eco.eco.workloads.replicas(workload.id)).data.length === 2;
    await untilSo(eco.eco, workload, 'is at rest', async ({ state }) => state === 'running' && (await left()));
    const { calls, failures } = await load.end();
    assert.ok(calls > 50, `only ${calls} calls`);
    assert.deepEqual(failures, []);
  });

  test('stopped it holds nothing and answers with its state; resumed it serves; terminated it leaves no object', async () => {
    const left = async (region: KubeRegion) =>
      (await listObjects(region.api, eco.namespace)).filter((name) => !STAYING.includes(name));
    for (const region of eco.kube.regions) assert.deepEqual(await left(region), []);
    const workload = await serving(eco, { secrets: { TOKEN: 'not to be seen' }, replicas: 2 });
    for (const region of eco.kube.regions)
      assert.deepEqual(
        [...new Set((await left(region)).map((name) => name.split('/')[0]))],
        ['deployments', 'networkpolicies', 'poddisruptionbudgets', 'pods', 'replicasets', 'secrets', 'services'],
      );
    await eco.eco.workloads.stop(workload.id);
    const stopped = await untilState(eco.eco, workload, 'stopped');
    assert.equal(stopped.reason, 'stopped_by_user');
    await assert.rejects(ask(workload.ref), /stopped/);
    for (const region of eco.kube.regions) assert.deepEqual(await left(region), []);
    await eco.eco.workloads.resume(workload.id);
    await untilState(eco.eco, workload, 'running');
    await ask(workload.ref);
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
    for (const region of eco.kube.regions) assert.deepEqual(await left(region), []);
  });

  test('the books are right', async () => {
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
  });
});
