import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { whyNoRig } from './harness.ts';
import { startLoad } from './load.ts';
import { type KubeEco, listObjects, serving, startKubeEco, untilSo, untilState } from './start-kube-eco.ts';

const QUESTION = [{ role: 'user' as const, content: 'The quick brown fox.' }];

/** Deployment, ReplicaSet, pod, Service, NetworkPolicy. */
const KINDS_MADE = 5;

describe('an instance on two Kubernetes regions', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  before(async () => {
    eco = await startKubeEco();
  });
  after(() => eco?.[Symbol.asyncDispose]());

  const ask = (model: string) => eco.openai.chat.completions.create({ model, messages: QUESTION }).withResponse();
  const regionsThatAnswer = async (model: string, calls = 8) => {
    const regions = new Set<string | null>();
    for (let i = 0; i < calls; i++) regions.add((await ask(model)).response.headers.get('x-ecolink-region'));
    return [...regions].toSorted();
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
    await eco.eco.workloads.terminate(id);
    await untilState(eco.eco, { id }, 'terminated');
  });

  test('one region cut off, first its API server, then its nodes: calls go on; back again, both serve', async () => {
    const workload = await serving(eco);
    const { rig, nodes } = eco.kube.regions[0];
    const load = startLoad(eco.openai, workload.ref);
    await rig.stop('kube-apiserver', { force: true });
    const degraded = await untilState(eco.eco, workload, 'degraded');
    assert.equal(degraded.reason, 'region_unreachable');
    assert.match(degraded.message, /2 of 2 replicas ready as last seen; eu-1 cannot be asked/);
    assert.equal(degraded.hint, 'eco regions');
    assert.deepEqual(await regionsThatAnswer(workload.ref), ['eu-1', 'us-2']);
    await Promise.all(nodes.map((node) => rig.stop(node, { force: true })));
    for (let i = 0; i < 10; i++) await ask(workload.ref);
    assert.deepEqual(await regionsThatAnswer(workload.ref), ['us-2']);
    const { calls, failures } = await load.end();
    // what was under way in a machine that dies has begun to answer and cannot be asked again
    assert.deepEqual(
      failures.filter((failure) => !/cut|terminated|streamed/.test(failure)),
      [],
      `${calls} calls`,
    );
    await rig.start('kube-apiserver');
    for (const node of nodes) await rig.start(node);
    await untilState(eco.eco, workload, 'running');
    assert.deepEqual(await regionsThatAnswer(workload.ref), ['eu-1', 'us-2']);
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
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
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
  });

  test('stopped it holds nothing and answers with its state; resumed it serves; terminated it leaves no object', async () => {
    const { api } = eco.kube.regions[0];
    const before = await listObjects(api, eco.namespace);
    const workload = await serving(eco, { secrets: { TOKEN: 'not to be seen' }, replicas: 2 });
    assert.ok((await listObjects(api, eco.namespace)).length >= before.length + KINDS_MADE);
    await eco.eco.workloads.stop(workload.id);
    const stopped = await untilState(eco.eco, workload, 'stopped');
    assert.equal(stopped.reason, 'stopped_by_user');
    await assert.rejects(ask(workload.ref), /stopped/);
    assert.deepEqual(await listObjects(api, eco.namespace), before);
    await eco.eco.workloads.resume(workload.id);
    await untilState(eco.eco, workload, 'running');
    await ask(workload.ref);
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
    for (const region of eco.kube.regions) assert.deepEqual(await listObjects(region.api, eco.namespace), before);
    assert.deepEqual(before, ['configmaps/kube-root-ca.crt', 'resourcequotas/ecolink', 'serviceaccounts/default']);
  });

  test('the books are right', async () => {
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
  });
});
