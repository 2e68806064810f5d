import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Reason, Replica, Workload, WorkloadEvent } from '../../sdk/index.ts';
import { until } from '../until.ts';
import { type KubeRegion, whyNoRig } from './harness.ts';
import { isLeaving, isReady, type PodObject } from './pods.ts';
import { type KubeEco, serving, startKubeEco, terminateAll, untilSo, untilState } from './start-kube-eco.ts';

const MERGE = 'application/merge-patch+json';
const TIMEOUT_MS = 60_000;

/** A running instance of one replica, and the one node of its region that has its GPUs. */
interface Scene {
  workload: Workload;
  region: KubeRegion;
  node: string;
}

interface Case {
  name: string;
  /** Disturbs it; gives what puts that right again. */
  disturb(scene: Scene): Promise<() => unknown>;
  state: Workload['state'];
  reason: Reason;
  message: RegExp;
  hint: RegExp | null;
}

describe('what is done to a running instance on Kubernetes is told', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  before(async () => {
    eco = await startKubeEco();
  });
  after(() => eco?.[Symbol.asyncDispose]());

  const scene = async (region: KubeRegion): Promise<Scene> => {
    const gpu = { type: 'l40s', count: 1 };
    const workload = await serving(eco, { regions: [region.name], gpu, secrets: { KEY: 'not to be seen' } });
    const { spec } = await podOf({ region });
    return { workload, region, node: spec.nodeName! };
  };
  const podsOf = async ({ region }: Pick<Scene, 'region'>): Promise<PodObject[]> =>
    (await region.api('GET', `/api/v1/namespaces/${eco.namespace}/pods`)).items;
  const podOf = (scene: Pick<Scene, 'region'>) =>
    until('its pod is ready', async () => (await podsOf(scene)).find((pod) => isReady(pod) && !isLeaving(pod)));
  const kubectl = ({ region }: Scene, ...args: string[]) => {
    const { status, stderr } = region.rig.kubectl(...args);
    assert.equal(status, 0, stderr);
  };
  /** As whoever tidies up would; a Deployment makes another one, under the circumstances as they are by then. */
  const removePod = async (scene: Scene) => {
    const { metadata } = await podOf(scene);
    kubectl(scene, '-n', eco.namespace, 'delete', 'pod', metadata.name, '--grace-period=1', '--wait=false');
  };
  const eventOf = async ({ workload }: Scene, reason: string, message: RegExp): Promise<WorkloadEvent> => {
    let events: WorkloadEvent[] = [];
    const find = async () => {
      events = (await eco.eco.workloads.events(workload.id)).data;
      return events.find((event) => event.reason === reason && message.test(event.message));
    };
    const said = () => events.map((event) => `${event.reason}: ${event.message}`).join('\n');
    return until(`an event ${reason} ${message}`, find, TIMEOUT_MS).catch((error) =>
      assert.fail(`${error.message}; there were:\n${said()}`),
    );
  };
  /** Until the scheduler must know it too. */
  const untilFree = ({ region }: Scene, free: number) =>
    until(`${free} × l40s are free in ${region.name}`, async () => {
      const { data } = await eco.eco.regions.list();
      const offers = data.find(({ name }) => name === region.name)?.offers ?? [];
      return offers.find(({ gpu }) => gpu === 'l40s')?.free === free;
    });
  const shows = async ({ workload }: Scene, { state, reason, message, hint }: Case) => {
    const seen = await untilSo(
      eco.eco,
      workload,
      `is ${state}: ${reason}`,
      (now) => now.state === state && now.reason === reason,
    );
    assert.match(seen.message, message);
    assert.match(seen.hint ?? 'none', hint ?? /^none$/);
  };

  const placement: Case[] = [
    {
      name: 'its node takes no pods any more',
      async disturb(scene) {
        kubectl(scene, 'taint', 'node', scene.node, 'ops=repair:NoSchedule');
        await untilFree(scene, 0);
        await removePod(scene);
        return () => kubectl(scene, 'taint', 'node', scene.node, 'ops-');
      },
      state: 'pending',
      reason: 'nodes_unavailable',
      message: /No node of us-2 with l40s takes pods now: .*untolerated taint/,
      hint: /^eco regions$/,
    },
    {
      name: 'its node is cordoned',
      async disturb(scene) {
        kubectl(scene, 'cordon', scene.node);
        await untilFree(scene, 0);
        await removePod(scene);
        return () => kubectl(scene, 'uncordon', scene.node);
      },
      state: 'pending',
      reason: 'nodes_unavailable',
      message: /No node of us-2 with l40s takes pods now: .*unschedulable/,
      hint: /^eco regions$/,
    },
    {
      name: 'more important work takes its GPU',
      async disturb(scene) {
        const { region } = scene;
        const namespace = await eco.kube.newNamespace(region);
        await region.api('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', {
          metadata: { name: 'urgent' },
          value: 1000,
        });
        await region.api('POST', `/api/v1/namespaces/${namespace}/pods`, urgentPod(scene.node));
        await eventOf(scene, 'preempted', /Other work took its place/);
        return async () => {
          await region.api('DELETE', `/api/v1/namespaces/${namespace}/pods/urgent`, { gracePeriodSeconds: 0 });
          await region.api('DELETE', '/apis/scheduling.k8s.io/v1/priorityclasses/urgent');
        };
      },
      state: 'pending',
      reason: 'no_capacity',
      message: /Waiting for 1 × l40s in us-2: 0 free of 4, largest free block on one node 0\./,
      hint: /^eco regions$/,
    },
  ];

  const refusals: Case[] = [
    {
      name: 'no node has its GPU type any more',
      async disturb(scene) {
        const label = (value: string) =>
          kubectl(scene, 'label', 'node', scene.node, '--overwrite', `nvidia.com/gpu.product=${value}`);
        label('another');
        await untilFree(scene, 0);
        await removePod(scene);
        return () => label('NVIDIA-L40S');
      },
      state: 'failed',
      reason: 'no_such_gpu',
      message: /No node in us-2 has GPUs of type l40s/,
      hint: /^eco regions$/,
    },
    {
      name: 'a quota of the cluster allows no pod',
      async disturb(scene) {
        const quotas = `/api/v1/namespaces/${eco.namespace}/resourcequotas`;
        await scene.region.api('POST', quotas, { metadata: { name: 'strict' }, spec: { hard: { pods: '0' } } });
        await until('the quota counts', async () => (await scene.region.api('GET', `${quotas}/strict`)).status?.used);
        await removePod(scene);
        return () => scene.region.api('DELETE', `${quotas}/strict`);
      },
      state: 'failed',
      reason: 'quota_exceeded',
      message: /The cluster's quota forbids another pod: .*exceeded quota: strict/,
      hint: /^eco regions$/,
    },
    {
      name: 'its Secret was removed',
      async disturb(scene) {
        kubectl(scene, '-n', eco.namespace, 'delete', 'secret', '--all');
        await removePod(scene);
        return () => {};
      },
      state: 'failed',
      reason: 'bad_config',
      message: /It cannot be started as described: secret "eco-[^"]*" not found/,
      hint: /^eco help bad_config$/,
    },
    {
      name: 'a policy of the cluster allows no such pod',
      async disturb(scene) {
        const namespace = `/api/v1/namespaces/${eco.namespace}`;
        const enforce = (level: string) =>
          scene.region.api(
            'PATCH',
            namespace,
            { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } },
            MERGE,
          );
        await enforce('restricted');
        await removePod(scene);
        return () => enforce('baseline');
      },
      state: 'failed',
      reason: 'policy_violation',
      message: /The cluster's policy forbids this pod: .*violates PodSecurity "restricted/,
      hint: /^eco help policy_violation$/,
    },
  ];

  describe('each region by itself', { concurrency: 2 }, () => {
    describe('to where it may run', { concurrency: 1 }, () => {
      for (const each of placement)
        test(`${each.name}: it waits, says for what, and comes back`, async () => {
          const set = await scene(eco.kube.regions[1]);
          const undo = await each.disturb(set);
          await shows(set, each).finally(undo);
          await untilState(eco.eco, set.workload, 'running');
          await end(set);
        });

      for (const each of refusals)
        test(`${each.name}: it fails, and gives its money back`, async () => {
          const set = await scene(eco.kube.regions[1]);
          const undo = await each.disturb(set);
          await shows(set, each).finally(undo);
          await untilSo(eco.eco, set.workload, 'has given its money back', ({ hold }) => hold === '0.00');
        });
    });

    describe('to its process and its machine', { concurrency: 1 }, () => {
      let set: Scene;
      before(async () => {
        set = await scene(eco.kube.regions[0]);
      });

      test('it is killed: its container starts again', async () => {
        const { metadata } = await podOf(set);
        await set.region.rig.killPod(`${eco.namespace}/${metadata.name}`);
        const { message } = await eventOf(set, 'replica_restarting', /exit code 137/);
        assert.match(message, new RegExp(metadata.name));
        await untilState(eco.eco, set.workload, 'running');
      });

      test('it takes too much memory: that is said', async () => {
        const { metadata } = await podOf(set);
        assert.equal(await set.region.rig.killPod(`${eco.namespace}/${metadata.name}`, 'OOMKilled'), 1);
        await eventOf(set, 'replica_restarting', /used more memory than it may/);
        await untilState(eco.eco, set.workload, 'running');
      });

      test('it hangs: it is out of rotation, and back when it answers', async () => {
        const { metadata } = await podOf(set);
        const pid = pidOf(metadata.name);
        process.kill(pid, 'SIGSTOP');
        try {
          const seen = await untilSo(eco.eco, set.workload, 'is told', ({ reason }) => reason === 'unresponsive');
          assert.match(seen.message, /Was ready, and does not answer now: Readiness probe failed/);
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        await untilState(eco.eco, set.workload, 'running');
      });

      test('its machine dies: its pod is given up, and starts anew where there is room', async () => {
        const { metadata } = await podOf(set);
        await set.region.rig.stop(set.node, { force: true });
        try {
          const isLost = ({ reason }: Replica) => reason === 'node_lost';
          const replicas = async () => (await eco.eco.workloads.replicas(set.workload.id)).data;
          await until('its replica is lost', async () => (await replicas()).some(isLost), TIMEOUT_MS);
          await until('its pod is given up', async () => (await podsOf(set)).some(isLeaving), TIMEOUT_MS);
        } finally {
          await set.region.rig.start(set.node);
        }
        await untilSo(eco.eco, set.workload, 'is back', async ({ state }) => {
          const { data } = await eco.eco.workloads.replicas(set.workload.id);
          return state === 'running' && data.every(({ id }) => id !== metadata.name);
        });
        await end(set);
      });
    });
  });

  test('the books are right after all of it', async () => {
    await terminateAll(eco);
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
  });

  const end = async ({ workload }: Scene) => {
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
  };
});

const urgentPod = (nodeName: string) => ({
  metadata: { name: 'urgent' },
  spec: {
    priorityClassName: 'urgent',
    nodeSelector: { 'kubernetes.io/hostname': nodeName },
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'server', image: 'any/image', resources: { limits: { 'nvidia.com/gpu': '4' } } }],
  },
});

/** Of the process that stands for a pod's container. */
function pidOf(pod: string): number {
  const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isOf(pod, pid));
  assert.ok(found, `no process of ${pod}`);
  return Number(found);
}

function isOf(pod: string, pid: string): boolean {
  try {
    const isSimulator = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('simulator');
    return isSimulator && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`POD_NAME=${pod}\0`);
  } catch {
    return false;
  }
}
