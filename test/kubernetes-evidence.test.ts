import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { reasons } from '../sdk/contract/index.ts';
import { podEvidence, type Sighting } from '../server/cluster/kubernetes/evidence/pod.ts';
import { CONTAINER } from '../server/cluster/kubernetes/manifest/names.ts';
import { Memory } from '../server/cluster/kubernetes/memory.ts';
import type { Condition, ContainerStatus, KubeEvent, Pod } from '../server/cluster/kubernetes/objects.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const PLACED: Condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-11-21T11:59:00Z' };

const unplaced = (message: string): Condition => ({
  type: 'PodScheduled',
  status: 'False',
  reason: 'Unschedulable',
  message,
});
const status = (changes: Partial<ContainerStatus>): ContainerStatus => ({
  name: CONTAINER,
  ready: false,
  restartCount: 0,
  ...changes,
});
const waiting = (reason: string, message?: string): ContainerStatus =>
  status({ state: { waiting: { reason, ...(message !== undefined && { message }) } } });
const looping = (terminated: { exitCode: number; reason?: string; message?: string }): ContainerStatus =>
  status({
    restartCount: 4,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } },
    lastState: { terminated: { finishedAt: '2026-11-21T11:59:30Z', ...terminated } },
  });
const event = (reason: string, message: string, count = 1): KubeEvent => ({
  metadata: { name: reason },
  involvedObject: {},
  reason,
  message,
  count,
});

const silentSince = (lastTransitionTime: string): NonNullable<Sighting['node']> => ({
  metadata: { name: 'gpu-1' },
  status: { conditions: [{ type: 'Ready', status: 'Unknown', lastTransitionTime }] },
});

interface Seen {
  conditions?: Condition[];
  container?: ContainerStatus;
  events?: KubeEvent[];
  pod?: Partial<Pod['status']>;
  metadata?: Partial<Pod['metadata']>;
  nodeName?: string | undefined;
  remembered?: Partial<Sighting['remembered']>;
  node?: Sighting['node'];
}

function sighting({
  conditions = [PLACED],
  container,
  events = [],
  pod,
  metadata,
  remembered,
  node,
  ...rest
}: Seen): Sighting {
  const nodeName = 'nodeName' in rest ? rest.nodeName : 'gpu-1';
  return {
    pod: {
      metadata: { name: 'eco-1', uid: 'u1', ...metadata },
      spec: { containers: [{ name: CONTAINER }], ...(nodeName !== undefined && { nodeName }) },
      status: {
        phase: 'Pending',
        podIP: '10.0.0.7',
        conditions,
        ...(container && { containerStatuses: [container] }),
        ...pod,
      },
    },
    events,
    node,
    room: { region: 'eu-1', gpu: { type: 'h100', count: 2 }, free: 1, total: 16, largest_free_block: 1 },
    image: 'vllm/vllm-openai:latest',
    remembered: { started_at: null, ready_at: null, restarted_at: [], ...remembered },
    generation: 3,
    port: 8000,
    now: NOW,
  };
}

const GPU_SHORT =
  '0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 Insufficient nvidia.com/gpu.';
const NO_NODE =
  "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) didn't match Pod's node affinity/selector.";

describe('what a pod shows becomes a state, a reason and a sentence', () => {
  for (const [name, seen, state, reason, message, isHopeless = false] of [
    [
      'no GPU is free',
      { conditions: [unplaced(GPU_SHORT)], nodeName: undefined },
      'pending',
      'no_capacity',
      /2 × h100 in eu-1: 1 free of 16, largest free block on one node 1/,
    ],
    [
      'no node has such GPUs',
      { conditions: [unplaced(NO_NODE)], nodeName: undefined },
      'pending',
      'no_such_gpu',
      /No node in eu-1 has GPUs of type h100/,
      true,
    ],
    [
      'its nodes are cordoned',
      { conditions: [unplaced('0/2 nodes are available: 2 node(s) were unschedulable.')], nodeName: undefined },
      'pending',
      'nodes_unavailable',
      /unschedulable/,
    ],
    [
      'its nodes have a taint',
      {
        conditions: [unplaced('0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: x}.')],
        nodeName: undefined,
      },
      'pending',
      'nodes_unavailable',
      /dedicated/,
    ],
    [
      'its volume is missing',
      { conditions: [unplaced('pod has unbound immediate PersistentVolumeClaims')], nodeName: undefined },
      'pending',
      'volume_unavailable',
      /unbound/,
    ],
    ['the scheduler has not spoken', { conditions: [], nodeName: undefined }, 'pending', 'scheduled', /placed/],
    [
      'its image is being fetched',
      { container: waiting('ContainerCreating'), events: [event('Pulling', 'Pulling image')] },
      'pulling',
      'starting',
      /vllm\/vllm-openai:latest is being fetched/,
    ],
    [
      'its image was fetched',
      {
        container: waiting('ContainerCreating'),
        events: [
          event('Pulling', 'Pulling image'),
          event('Pulled', 'Successfully pulled image in 3m12s. Image size: 9 GB'),
        ],
      },
      'loading',
      'starting',
      /3m12s/,
    ],
    [
      'a volume cannot be mounted',
      { container: waiting('ContainerCreating'), events: [event('FailedMount', 'MountVolume.SetUp failed')] },
      'pulling',
      'volume_unavailable',
      /SetUp failed/,
    ],
    [
      'no sandbox can be made',
      {
        container: waiting('ContainerCreating'),
        events: [event('FailedCreatePodSandBox', 'failed to create sandbox')],
      },
      'pulling',
      'sandbox_failed',
      /sandbox/,
    ],
    [
      'there is no such image',
      { container: waiting('ErrImagePull', 'manifest unknown') },
      'pulling',
      'image_not_found',
      /There is no image vllm/,
    ],
    [
      'there is no such image, and it was tried often',
      {
        container: waiting('ImagePullBackOff', 'Back-off pulling image'),
        events: [event('Failed', 'Failed to pull image: not found', 3)],
      },
      'pulling',
      'image_not_found',
      /not found/,
      true,
    ],
    [
      'the registry wants a login',
      { container: waiting('ErrImagePull', 'failed to authorize: 401 Unauthorized') },
      'pulling',
      'image_auth',
      /does not give out/,
    ],
    [
      'the registry is out of patience, which passes',
      {
        container: waiting('ErrImagePull', '429 Too Many Requests - toomanyrequests'),
        events: [event('Failed', 'Failed to pull image: toomanyrequests', 9)],
      },
      'pulling',
      'registry_rate_limited',
      /no more downloads/,
    ],
    [
      'the registry cannot be reached',
      { container: waiting('ErrImagePull', 'dial tcp: i/o timeout') },
      'pulling',
      'image_network',
      /cannot be reached/,
    ],
    [
      'the image is for other processors',
      { container: waiting('ErrImagePull', 'no match for platform in manifest') },
      'pulling',
      'image_arch',
      /not built/,
    ],
    [
      'the node is full',
      { container: waiting('ErrImagePull', 'write: no space left on device') },
      'pulling',
      'disk_full',
      /no room/,
    ],
    [
      'the name of its image is no name',
      { container: waiting('InvalidImageName', 'couldn’t parse image name') },
      'pending',
      'bad_config',
      /parse/,
      true,
    ],
    [
      'a secret lacks',
      { container: waiting('CreateContainerConfigError', 'secret "x" not found') },
      'pending',
      'bad_config',
      /secret "x"/,
      true,
    ],
    [
      'its node is late with a secret',
      {
        container: waiting(
          'CreateContainerConfigError',
          'failed to sync secret cache: timed out waiting for the condition',
        ),
      },
      'pending',
      'bad_config',
      /sync/,
    ],
    ['it loads', { container: status({ state: { running: {} } }) }, 'loading', 'loading_model', /Loading/],
    ['it answers', { container: status({ ready: true, state: { running: {} } }) }, 'ready', 'ready', /Ready/],
    [
      'it answered once',
      { container: status({ state: { running: {} } }), remembered: { ready_at: 1 } },
      'unready',
      'unresponsive',
      /Was ready/,
    ],
    [
      'it took too much memory',
      { container: looping({ exitCode: 137, reason: 'OOMKilled' }) },
      'restarting',
      'oom_host',
      /memory/,
    ],
    [
      'its GPU has too little memory',
      { container: looping({ exitCode: 1, message: 'torch.OutOfMemoryError: CUDA out of memory. Tried' }) },
      'restarting',
      'oom_gpu',
      /CUDA out of memory/,
      true,
    ],
    [
      'its repository is gated',
      { container: looping({ exitCode: 1, message: 'huggingface_hub.errors.GatedRepoError: 403' }) },
      'restarting',
      'hf_gated',
      /GatedRepoError/,
      true,
    ],
    [
      'its arguments are wrong',
      { container: looping({ exitCode: 2, message: 'api_server.py: error: unrecognized arguments: --x' }) },
      'restarting',
      'bad_args',
      /--x/,
      true,
    ],
    [
      'it runs out of GPU memory once, after it has served',
      {
        container: looping({ exitCode: 1, message: 'torch.OutOfMemoryError: CUDA out of memory' }),
        remembered: { ready_at: NOW },
      },
      'restarting',
      'oom_gpu',
      /CUDA out of memory/,
    ],
    [
      'it cannot be run on a node that has only just begun',
      {
        conditions: [{ ...PLACED, lastTransitionTime: '2026-11-21T11:59:50Z' }],
        container: looping({ exitCode: 128, reason: 'StartError', message: 'no GPU runtime' }),
      },
      'restarting',
      'bad_config',
      /no GPU runtime/,
    ],
    [
      'it cannot be run',
      { container: looping({ exitCode: 128, reason: 'StartError', message: 'exec: "missing": not found' }) },
      'restarting',
      'bad_config',
      /cannot be started as described: exec: "missing"/,
      true,
    ],
    [
      'it loads again after a crash',
      { container: { ...looping({ exitCode: 3, message: 'RuntimeError: no' }), state: { running: {} } } },
      'loading',
      'loading_model',
      /^Loading again, after this: Exited with code 3: RuntimeError: no/,
    ],
    [
      'it loads again after a crash in the midst of its work',
      {
        container: { ...looping({ exitCode: 137, reason: 'OOMKilled' }), started: false, state: { running: {} } },
        remembered: { ready_at: NOW },
      },
      'loading',
      'loading_model',
      /^Loading again, after this: It used more memory/,
    ],
    [
      'it crashes',
      { container: looping({ exitCode: 3, message: 'a\nRuntimeError: no' }) },
      'restarting',
      'crashed',
      /code 3: RuntimeError: no/,
    ],
    [
      'it started too slowly',
      {
        container: looping({ exitCode: 137 }),
        events: [event('Killing', 'Container server failed startup probe, will be restarted')],
      },
      'restarting',
      'startup_timeout',
      /startup budget/,
      true,
    ],
    [
      'it hung',
      {
        container: looping({ exitCode: 137 }),
        events: [event('Killing', 'Container server failed liveness probe, will be restarted')],
      },
      'restarting',
      'unresponsive',
      /liveness/,
    ],
    [
      'it was evicted',
      { pod: { phase: 'Failed', reason: 'Evicted', message: 'ephemeral local storage' } },
      'gone',
      'evicted',
      /ephemeral/,
    ],
    [
      'other work took its place',
      {
        conditions: [PLACED, { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
        pod: { phase: 'Failed' },
      },
      'gone',
      'preempted',
      /took its place/,
    ],
    [
      'its node is lost',
      {
        container: status({ ready: true, state: { running: {} } }),
        node: silentSince('2026-11-21T11:59:40Z'),
      },
      'unready',
      'node_lost',
      /gpu-1/,
    ],
    [
      'its node has not said anything since its control plane was away',
      {
        container: status({ ready: true, state: { running: {} } }),
        node: silentSince('2026-11-21T11:59:41Z'),
      },
      'ready',
      'ready',
      /Ready/,
    ],
    [
      'it was told to stop',
      {
        container: status({ ready: true, state: { running: {} } }),
        metadata: { deletionTimestamp: '2026-11-21T11:59:59Z' },
      },
      'stopping',
      'replicas_stopping',
      /Finishing/,
    ],
    [
      'it has stopped',
      { pod: { phase: 'Succeeded' }, metadata: { deletionTimestamp: '2026-11-21T11:59:59Z' } },
      'gone',
      'replicas_stopping',
      /told to/,
    ],
  ] as [string, Seen, string, string, RegExp, boolean?][])
    test(name, () => {
      const evidence = podEvidence(sighting(seen));
      assert.deepEqual([evidence.state, evidence.reason, evidence.is_hopeless], [state, reason, isHopeless]);
      assert.match(evidence.message, message);
    });

  test('a back-off counts as many quick restarts, also for a server that has seen none', () => {
    assert.equal(podEvidence(sighting({ container: looping({ exitCode: 1 }) })).restarted_at.length, 4);
    const calm = status({ restartCount: 4, ready: true, state: { running: {} } });
    assert.equal(podEvidence(sighting({ container: calm })).restarted_at.length, 0);
  });

  test('whatever a cluster says, there is a known reason and a sentence', () => {
    const text = fc.option(fc.string({ maxLength: 200 }), { nil: undefined });
    const word = fc.option(
      fc.constantFrom('ErrImagePull', 'CrashLoopBackOff', 'ContainerCreating', 'OOMKilled', 'Completed', 'X'),
      { nil: undefined },
    );
    const terminated = fc.record({ exitCode: fc.integer({ min: 0, max: 255 }), reason: word, message: text });
    const state = fc.record({
      waiting: fc.option(fc.record({ reason: word, message: text }), { nil: undefined }),
      terminated: fc.option(terminated, { nil: undefined }),
    });
    fc.assert(
      fc.property(state, fc.boolean(), fc.nat(20), text, (state, isGone, restartCount, said) => {
        const container = status({ restartCount, state } as Partial<ContainerStatus>);
        const evidence = podEvidence(
          sighting({ container, pod: isGone ? { phase: 'Failed', message: said ?? '' } : {} }),
        );
        assert.ok(reasons.includes(evidence.reason));
        assert.ok(evidence.message.length > 0 && evidence.message.length < 700);
      }),
    );
  });
});

describe('what pods forget', () => {
  const podWith = (state: NonNullable<ContainerStatus['state']>): Pod => ({
    metadata: { name: 'eco-1', uid: 'u1', creationTimestamp: '2026-11-21T11:58:00Z' },
    spec: { containers: [{ name: CONTAINER }] },
    status: { containerStatuses: [status({ state })] },
  });
  const startOf = (...states: NonNullable<ContainerStatus['state']>[]) => {
    const memory = new Memory(() => NOW);
    for (const state of states) memory.note(podWith(state));
    return memory.of(podWith({})).started_at;
  };

  test('a container that could not be started did not run since 1970', () => {
    const never = { terminated: { exitCode: 128, startedAt: '1970-01-01T00:00:00Z' } };
    assert.equal(startOf(never), null);
    const running = { running: { startedAt: '2026-11-21T11:59:00Z' } };
    assert.equal(startOf(never, running), Date.parse('2026-11-21T11:59:00Z'));
  });

  test('its first start stays, whatever comes later', () => {
    const [first, second] = ['2026-11-21T11:58:30Z', '2026-11-21T11:59:30Z'];
    assert.equal(startOf({ running: { startedAt: first } }, { running: { startedAt: second } }), Date.parse(first));
  });
});

test('a pod on a node has its GPUs from there on, long before its image is fetched', () => {
  const isPlaced = (seen: Seen) => podEvidence(sighting(seen)).is_placed;
  assert.equal(isPlaced({ container: waiting('ContainerCreating') }), true);
  assert.equal(isPlaced({ conditions: [unplaced(GPU_SHORT)], nodeName: undefined }), false);
  assert.equal(isPlaced({ pod: { phase: 'Failed', reason: 'Evicted' } }), false);
});

test('a pod that is taken for gone while it ran ended now, not at an earlier crash', () => {
  const crashed = looping({ exitCode: 3, message: 'x' });
  const { ended_at } = podEvidence(
    sighting({ pod: { phase: 'Failed' }, container: { ...crashed, state: { running: {} } } }),
  );
  assert.equal(ended_at, NOW);
});
