import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Workload } from '../../sdk/index.ts';
import { until } from '../until.ts';
import { type KubeRegion, whyNoRig } from './harness.ts';
import { isLeaving, isReady, type PodObject } from './pods.ts';
import { type KubeEco, serving, startKubeEco, untilSo, untilState } from './start-kube-eco.ts';

const CHANGE = 'application/merge-patch+json';

describe('what an administrator sees and does with kubectl', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  let region: KubeRegion;
  let workload: Workload;
  let deployment: string;

  before(async () => {
    eco = await startKubeEco();
    [region] = eco.kube.regions;
    workload = await serving(eco, { regions: [region.name], replicas: 2 });
    const { items } = await region.api('GET', `/apis/apps/v1/namespaces/${eco.namespace}/deployments`);
    deployment = items[0].metadata.name;
  });
  after(() => eco?.[Symbol.asyncDispose]());

  const kubectl = (...args: string[]) => region.rig.kubectl('-n', eco.namespace, ...args).stdout;
  const path = () => `/apis/apps/v1/namespaces/${eco.namespace}/deployments/${deployment}`;
  const change = (spec: object) => region.api('PATCH', path(), { spec }, CHANGE);
  const eventOf = (reason: string) =>
    until(
      `the event ${reason}`,
      async () => (await eco.eco.workloads.events(workload.id)).data.find((event) => event.reason === reason),
      60_000,
    );
  const pods = async (): Promise<PodObject[]> =>
    (await region.api('GET', `/api/v1/namespaces/${eco.namespace}/pods`)).items;

  test('names and labels say whose it is and never what a user wrote', () => {
    assert.match(deployment, new RegExp(`^eco-[a-z0-9]{8}-${workload.id}$`));
    const [labels] = kubectl('get', 'deployment', '--no-headers', '-o', 'jsonpath={.items[0].metadata.labels}').split(
      '\n',
    );
    assert.equal(JSON.parse(labels!)['ecolink.dev/workload'], String(workload.id));
    assert.equal(JSON.parse(labels!)['app.kubernetes.io/managed-by'], 'ecolink');
    assert.doesNotMatch(labels!, /my-llama/);
  });

  test('rollout status, logs and pods work as with any Deployment', () => {
    assert.match(kubectl('rollout', 'status', `deployment/${deployment}`, '--timeout=20s'), /successfully rolled out/);
    assert.ok(kubectl('logs', `deployment/${deployment}`, '--tail=5').length > 0);
    assert.equal(
      kubectl('get', 'pods', '--no-headers', '-l', `app.kubernetes.io/instance=${deployment}`).trim().split('\n')
        .length,
      2,
    );
  });

  test('a pod deleted by hand comes back', async () => {
    const [pod] = await pods();
    kubectl('delete', 'pod', pod!.metadata.name, '--wait=false');
    await untilSo(eco.eco, workload, 'has another pod', async () => {
      const { data } = await eco.eco.workloads.replicas(workload.id);
      return data.length === 2 && data.every(({ id, state }) => state === 'ready' && id !== pod!.metadata.name);
    });
  });

  test('replicas changed by hand are put right, and that is an event', async () => {
    await change({ replicas: 1 });
    const { message, type } = await eventOf('changed_by_hand');
    assert.match(message, /spec\.replicas from 2 to 1\. It is put right\.$/);
    assert.equal(type, 'warning');
    await until('it is put right', async () => (await region.api('GET', path())).spec.replicas === 2, 60_000);
    await untilState(eco.eco, workload, 'running');
  });

  test('a drain takes no more at a time than the budget allows', async () => {
    const placed = await until(
      'two pods are ready, and no more',
      async () => {
        const all = await pods();
        return all.length === 2 && all.every(isReady) && all;
      },
      60_000,
    );
    const evict = async (pod: PodObject) =>
      region.api('POST', `/api/v1/namespaces/${eco.namespace}/pods/${pod.metadata.name}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod.metadata.name, namespace: eco.namespace },
      });
    await evict(placed[0]!);
    await assert.rejects(evict(placed[1]!), /429 .*disruption budget/);
    await untilState(eco.eco, workload, 'running');
    assert.match((await eventOf('evicted')).message, new RegExp(`${placed[0]!.metadata.name}.*moved off its node`));
  });

  test('events of Kubernetes that explain something are told once', async () => {
    const pod = await until('a pod stays', async () =>
      (await pods()).find((each) => isReady(each) && !isLeaving(each)),
    );
    for (const node of region.nodes) kubectl('cordon', node); // a launch or a scale would be refused at once
    try {
      kubectl('delete', 'pod', pod.metadata.name, '--wait=false');
      assert.match((await eventOf('not_placed')).message, /nodes are available/);
    } finally {
      for (const node of region.nodes) kubectl('uncordon', node);
    }
    await untilState(eco.eco, workload, 'running');
    const { data } = await eco.eco.workloads.events(workload.id);
    assert.equal(data.filter(({ reason }) => reason === 'not_placed').length, 1);
  });
});
