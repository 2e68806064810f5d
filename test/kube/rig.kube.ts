import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../until.ts';
import { openApi } from './api.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { containerOf, gpus, isReady, type PodObject, Pods, podManifest, scriptPod } from './pods.ts';
import { down, status, up } from './rig.ts';

const noRig = whyNoRig();

describe('the Kubernetes rig', { skip: noRig }, () => {
  let kube: Kube;
  let eu: KubeRegion;
  let us: KubeRegion;
  let pods: Pods;

  before(async () => {
    kube = await startKube();
    [eu, us] = kube.regions;
    pods = new Pods(eu.api, await kube.newNamespace(eu));
  });
  after(() => kube?.[Symbol.asyncDispose]());

  describe('runs pods as Kubernetes does', { concurrency: true }, () => {
    test('nodes look like GPU nodes of a region', async () => {
      const { metadata, status } = await eu.api('GET', `/api/v1/nodes/${eu.nodes[2]}`);
      assert.equal(metadata.labels['nvidia.com/gpu.product'], 'NVIDIA-L40S');
      assert.equal(metadata.labels['topology.kubernetes.io/region'], 'eu-1');
      assert.equal(status.allocatable['nvidia.com/gpu'], '4');
      assert.deepEqual(us.nodes, ['gpu-us-2-1', 'gpu-us-2-2', 'gpu-us-2-3']);
    });

    test('GPUs are counted: who asks for more than are free waits, and is told why', async () => {
      await pods.create(podManifest('first', 'any/image', gpus(4), on(eu.nodes[2])));
      const { status } = await pods.ready('first');
      assert.equal((await json(status.podIP, '/v1/models')).pod, 'first');
      await pods.create(podManifest('second', 'any/image', gpus(4), on(eu.nodes[2])));
      const waiting = await pods.until('second', 'waits', unschedulable);
      assert.match(unschedulable(waiting)!.message, /1 Insufficient nvidia\.com\/gpu/);
      await pods.remove('first');
      await pods.ready('second');
      await pods.remove('second');
    });

    test('the image ecolink/sim is the simulator: it serves, and ends when told to', async () => {
      await pods.create(podManifest('sim', 'ecolink/sim:1', { args: ['--model', 'tiny'] }));
      const { status } = await pods.ready('sim');
      assert.equal((await json(status.podIP, '/v1/models')).data[0]?.id, 'tiny');
      await pods.remove('sim');
      await pods.gone('sim');
      await assert.rejects(fetch(`http://${status.podIP}:8000/health`));
    });

    test('probes decide who is ready, and say why not', async () => {
      await pods.create(podManifest('slow', 'fault.test/slow-ready:2s'));
      await pods.create(podManifest('never', 'fault.test/never-ready'));
      const sick = { livenessProbe: { httpGet: { path: '/', port: 8000 }, periodSeconds: 1, failureThreshold: 1 } };
      await pods.create(podManifest('sick', 'fault.test/not-ready', sick));
      await pods.ready('slow');
      await pods.hasEvent('never', 'Unhealthy', /connection refused/);
      await pods.hasEvent('sick', 'Killing', /failed liveness probe, will be restarted/);
      assert.ok(!isReady(await pods.get('never')));
      for (const name of ['slow', 'never', 'sick']) await pods.remove(name);
    });

    test('logs: tail, follow, and of the container before', async () => {
      await pods.create(scriptPod('talker', 'for i in 1 2 3; do echo line $i; done; sleep 600'));
      const logs = (...args: string[]) => eu.rig.kubectl('-n', pods.namespace, 'logs', 'talker', ...args).stdout;
      await until('all is said', () => logs().includes('line 3'));
      assert.equal(logs('--tail=2'), 'line 2\nline 3\n');
      assert.equal(await eu.rig.killPod(`${pods.namespace}/talker`, 'OOMKilled'), 1);
      const restarted = await pods.until('talker', 'is restarted', (pod) => containerOf(pod)?.restartCount === 1);
      assert.deepEqual(
        [containerOf(restarted)?.lastState.terminated?.reason, containerOf(restarted)?.lastState.terminated?.exitCode],
        ['OOMKilled', 137],
      );
      await until('the log before is there', () => logs('--previous').includes('line 3'));
      await pods.until('talker', 'runs again', (pod) => containerOf(pod)?.state.running);
    });

    test('exec runs a command of the container', async () => {
      await pods.create(scriptPod('shell', 'exec sleep 600'));
      await pods.until('shell', 'runs', (pod) => containerOf(pod)?.state.running);
      const script = 'echo out; echo err >&2; exit 7';
      const exec = eu.rig.kubectl('-n', pods.namespace, 'exec', 'shell', '--', 'sh', '-c', script);
      assert.deepEqual([exec.status, exec.stdout], [7, 'out\n']);
      assert.match(exec.stderr, /^err$/m);
    });

    test('faults by image', async () => {
      const names = Object.keys(FAULTS);
      await Promise.all(names.map((fault) => pods.create(podManifest(podName(fault), `fault.test/${fault}`))));
      await Promise.all(names.map((fault) => pods.until(podName(fault), fault, FAULTS[fault]!)));
      for (const fault of names) await pods.remove(podName(fault));
    });

    test('faults by rule, on any image of one region, until they are cleared', async () => {
      eu.rig.addFault({ fault: 'err-image-pull', arg: 'timeout', image: '^ecolink/', pod: `^${pods.namespace}/ruled` });
      await pods.create(podManifest('ruled', 'ecolink/sim:2'));
      await pods.until('ruled', 'is not pulled', ({ status }) => /i\/o timeout/.test(JSON.stringify(status)));
      eu.rig.clearFaults();
      await pods.ready('ruled');
      await pods.remove('ruled');
    });

    test('a ServiceAccount may do what its role says and no more', async () => {
      const { namespace } = pods;
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }];
      await eu.api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'viewer' } });
      await eu.api('POST', `${rbac}/roles`, { metadata: { name: 'viewer' }, rules });
      await eu.api('POST', `${rbac}/rolebindings`, {
        metadata: { name: 'viewer' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'viewer' },
        subjects: [{ kind: 'ServiceAccount', name: 'viewer', namespace }],
      });
      const document = JSON.parse(await eu.rig.tokenKubeconfig({ namespace, account: 'viewer' }));
      const { server, 'certificate-authority-data': authority } = document.clusters[0].cluster;
      const headers = { authorization: `Bearer ${document.users[0].user.token}` };
      const api = openApi({ server, headers, ca: Buffer.from(authority, 'base64') });
      assert.ok((await api('GET', pods.path)).items);
      const secrets = api('GET', `/api/v1/namespaces/${namespace}/secrets`);
      await assert.rejects(secrets, new RegExp(`system:serviceaccount:${namespace}:viewer.*cannot list`));
    });

    test('a shared volume: what one node writes another reads', async () => {
      const claims = `/api/v1/namespaces/${pods.namespace}/persistentvolumeclaims`;
      const spec = {
        storageClassName: 'shared',
        accessModes: ['ReadWriteMany'],
        resources: { requests: { storage: '1Gi' } },
      };
      await eu.api('POST', claims, { metadata: { name: 'fs' }, spec });
      const mounted = { volumeMounts: [{ name: 'fs', mountPath: '/shared' }] };
      const volumes = [{ name: 'fs', persistentVolumeClaim: { claimName: 'fs' } }];
      for (const node of eu.nodes.slice(0, 2))
        await pods.create(podManifest(`fs-${node}`, 'any/image', mounted, { volumes, ...on(node) }));
      for (const node of eu.nodes.slice(0, 2)) await pods.ready(`fs-${node}`);
      const run = (node: string, script: string) =>
        eu.rig.kubectl('-n', pods.namespace, 'exec', `fs-${node}`, '--', 'sh', '-c', `${IN_SHARED} && ${script}`)
          .stdout;
      run(eu.nodes[0]!, 'echo weights > model');
      assert.equal(run(eu.nodes[1]!, 'cat model'), 'weights\n');
    });
  });

  test('a frozen node is lost and its pods are evicted; thawed, it is back', async () => {
    await pods.create(podManifest('lost', 'any/image', {}, on(eu.nodes[1])));
    await pods.ready('lost');
    eu.rig.pause(eu.nodes[1]!);
    const isReadyNode = async () => {
      const { status } = await eu.api('GET', `/api/v1/nodes/${eu.nodes[1]}`);
      return status.conditions.find(({ type }: { type: string }) => type === 'Ready').status;
    };
    await until('the node is lost', async () => (await isReadyNode()) === 'Unknown', 40_000);
    await pods.until('lost', 'is being evicted', ({ metadata }) => metadata.deletionTimestamp);
    eu.rig.resume(eu.nodes[1]!);
    await until('the node is back', async () => (await isReadyNode()) === 'True', 40_000);
    await pods.gone('lost');
  });

  test('a crashed node takes its processes with it, and runs its pods again', async () => {
    await pods.create(podManifest('crashed', 'ecolink/sim:1', { args: ['--model', 'tiny'] }, on(eu.nodes[0])));
    const { status } = await pods.ready('crashed');
    await eu.rig.stop(eu.nodes[0]!, { force: true });
    await assert.rejects(fetch(`http://${status.podIP}:8000/health`));
    await eu.rig.start(eu.nodes[0]!);
    await until(
      'it serves again',
      async () => isReady(await pods.get('crashed')) && serves(await pods.get('crashed')),
      40_000,
    );
  });

  test('an API server that is stopped refuses while pods serve on; its data is there again', async () => {
    const { status } = await pods.get('crashed');
    await eu.rig.stop('kube-apiserver');
    await assert.rejects(eu.api('GET', '/readyz'), { code: 'ECONNREFUSED' });
    assert.ok((await fetch(`http://${status.podIP}:8000/health`)).ok);
    assert.ok(await us.api('GET', '/readyz'));
    await eu.rig.stop('etcd');
    await eu.rig.start('etcd');
    await eu.rig.start('kube-apiserver');
    assert.equal((await pods.get('crashed')).status.podIP, status.podIP);
  });

  test('an API server that is paused hangs instead of refusing', async () => {
    eu.rig.pause('kube-apiserver');
    const answer = eu.api('GET', '/readyz');
    assert.equal(await Promise.race([answer, sleep(1_000, 'hangs')]), 'hangs');
    eu.rig.resume('kube-apiserver');
    assert.equal(await answer, 'ok');
  });

  test('a rig that is taken down while it starts leaves nothing', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'eco-kube-short-'));
    const starting = up(dir, { regions: 'ap-3', nodes: 't4:1x1', owner: process.pid });
    const failed = assert.rejects(starting, /the rig was removed while it was started|ended/);
    await until('it has begun', () => states(dir).length > 0);
    await down(dir, { remove: true });
    await failed;
    await until('all is gone', () => processesIn(dir).length === 0);
    assert.ok(!existsSync(dir));
  });

  test('a killed owner takes the rig with it; up again has the data; down leaves nothing', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'eco-kube-owner-'));
    const cli = fileURLToPath(new URL('cli.ts', import.meta.url));
    const script = `require('node:child_process').spawnSync(process.execPath,
      [${JSON.stringify(cli)}, 'up', ${JSON.stringify(dir)}, '--regions', 'ap-3', '--nodes', 't4:1x1', '--owner', process.pid],
      { stdio: ['ignore', 'ignore', 'inherit'] }); console.log('up'); setInterval(() => {}, 1000)`;
    const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(owner.stdout, 'data');
    owner.kill('SIGKILL');
    await until('all is gone', () => states(dir).every((state) => state === 'gone'));
    await up(dir, { owner: process.pid });
    assert.deepEqual(new Set(states(dir)), new Set(['running']));
    await down(dir, { remove: true });
    assert.deepEqual(processesIn(dir), []);
    assert.ok(!existsSync(dir));
  });
});

const on = (node: string | undefined) => ({ nodeSelector: { 'kubernetes.io/hostname': node } });
const podName = (fault: string) => `f-${fault.replaceAll(/\W/g, '-')}`;
/** The built-in server tells which pod it is, the simulator which model it has. */
async function json(ip: string, path: string) {
  return (await fetch(`http://${ip}:8000${path}`)).json() as Promise<{ pod?: string; data: { id: string }[] }>;
}
const states = (dir: string) =>
  status(dir).flatMap(({ components }) => Object.values(components).map(({ state }) => state));
const serves = ({ status }: PodObject) =>
  fetch(`http://${status.podIP}:8000/health`).then(
    ({ ok }) => ok,
    () => false,
  );

const unschedulable = ({ status }: PodObject) => status.conditions?.find(({ reason }) => reason === 'Unschedulable');

const IN_SHARED = `cd "$(printf %s "$KUBE_RIG_MOUNTS" | sed 's/.*"\\/shared":"\\([^"]*\\)".*/\\1/')"`;

const waits = (reason: string, text: RegExp) => (pod: PodObject) => {
  const waiting = containerOf(pod)?.state.waiting;
  return waiting?.reason === reason && text.test(waiting.message);
};

const ended = (pod: PodObject) => containerOf(pod)?.lastState.terminated;

/** By image, and what Kubernetes then shows. */
const FAULTS: Record<string, (pod: PodObject) => unknown> = {
  'err-image-pull': waits('ImagePullBackOff', /failed to resolve reference .*not found/),
  'err-image-pull:unauthorized': waits('ImagePullBackOff', /authorization failed/),
  'create-container-error': waits('CreateContainerError', /no space left/),
  'crash:3': (pod) => waits('CrashLoopBackOff', /back-off/)(pod) && ended(pod)?.exitCode === 3,
  'cuda-oom': (pod) => ended(pod)?.exitCode === 1,
  'oom-killed': (pod) => ended(pod)?.reason === 'OOMKilled',
  exit: (pod) => ended(pod)?.reason === 'Completed',
  'slow-pull:2s': isReady,
};

function processesIn(dir: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return (
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir) || readlinkSync(`/proc/${pid}/cwd`).startsWith(dir)
      );
    } catch {
      return false;
    }
  });
}
