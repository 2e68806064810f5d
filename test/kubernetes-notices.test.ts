import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Drift, describeDifference, hashOf, marked } from '../server/cluster/kubernetes/drift.ts';
import { workloadEvidence } from '../server/cluster/kubernetes/evidence/workload.ts';
import { noticesOf } from '../server/cluster/kubernetes/notices.ts';
import type { Deployment, KubeEvent, KubeObject, ReplicaSet } from '../server/cluster/kubernetes/objects.ts';
import { newMemory } from '../server/workloads/memory.ts';
import { newNotices, remember } from '../server/workloads/reconcile/notices.ts';
import { planReplicas } from '../server/workloads/reconcile/plan-replicas.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

const manifest = {
  kind: 'Deployment',
  metadata: { name: 'eco-1', annotations: { theirs: 'x' } },
  spec: {
    replicas: 1,
    template: { containers: [{ name: 'server', image: 'a', limits: { memory: '1024Mi' } }] },
  },
} as KubeObject;

/** As an API server gives it back: with defaults, and quantities as it spells them. */
const made = (changes: { replicas?: number; image?: string; more?: object } = {}) =>
  ({
    ...marked(manifest, hashOf([manifest])),
    spec: {
      replicas: changes.replicas ?? 1,
      minReadySeconds: 0,
      ...changes.more,
      template: {
        containers: [{ name: 'server', image: changes.image ?? 'a', limits: { memory: '1Gi' }, tty: false }],
      },
    },
  }) as KubeObject;

describe('a field that somebody changed', () => {
  const drift = new Drift();
  const hash = hashOf([manifest]);
  drift.note('uid', { hash, manifest, made: made(), at: NOW });
  const told = (now: KubeObject, uid = 'uid') => drift.differences(uid, now).map(describeDifference);

  test('is none where all is as it was made', () => assert.deepEqual(told(made()), []));
  test('is told with both values', () =>
    assert.deepEqual(told(made({ replicas: 4, image: 'b' })), [
      'spec.replicas from 1 to 4',
      'spec.template.containers[0].image from "a" to "b"',
    ]));
  test('is not ours where we never said anything of it', () =>
    assert.deepEqual(told(made({ more: { paused: true } })), []));
  test('is a declaration where another server made it', () => {
    const other = { ...manifest, spec: { replicas: 4 } } as KubeObject;
    assert.deepEqual(told(marked(other, hashOf([other]))), []);
  });
  test('is not known of what was never declared here', () =>
    assert.deepEqual(told(made({ replicas: 4 }), 'other'), []));
  for (const [name, live, at, isAsDeclared] of [
    ['all is as it was made', made(), NOW, true],
    ['somebody changed a field', made({ replicas: 4 }), NOW, false],
    ['it is not there', undefined, NOW, false],
    ['the last time was long ago', made(), NOW + 600_000, false],
  ] as [string, KubeObject | undefined, number, boolean][])
    test(`${isAsDeclared ? 'nothing is' : 'all is'} declared again where ${name}`, () => {
      assert.equal(drift.isAsDeclared('uid', { hash, live, now: at }), isAsDeclared);
    });

  test('marks leave other annotations', () => assert.equal(marked(manifest, hash).metadata.annotations?.theirs, 'x'));
});

const event = (reason: string, message: string, lastTimestamp = '2026-11-21T12:00:00Z'): KubeEvent => ({
  metadata: { name: reason },
  involvedObject: { uid: 'pod-1' },
  reason,
  message,
  lastTimestamp,
});

describe('what Kubernetes tells of a pod', () => {
  test('becomes a notice where it explains something, the last of each cause', () => {
    const notices = noticesOf('eco-1-x', [
      event('Pulling', 'Pulling image'),
      event('FailedScheduling', '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.'),
      event('FailedScheduling', '0/2 nodes are available: 2 Insufficient nvidia.com/gpu.'),
      event('Killing', 'Stopping container server'),
      event('Killing', 'Container server failed liveness probe, will be restarted'),
    ]);
    assert.deepEqual(notices.map(({ reason, message }) => [reason, message]).toSorted(), [
      ['not_placed', 'eco-1-x: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu.'],
      ['unresponsive', 'eco-1-x: Container server failed liveness probe, will be restarted'],
    ]);
  });

  test('is told once, and not of an attempt before', () => {
    const notices = noticesOf('eco-1-x', [
      event('FailedMount', 'no'),
      event('Evicted', 'before', '2026-11-21T11:00:00Z'),
    ]);
    const memory = newMemory(NOW);
    const fresh = newNotices(memory, [...notices, ...notices]);
    assert.deepEqual(
      fresh.map(({ reason }) => reason),
      ['volume_unavailable'],
    );
    assert.deepEqual(newNotices(remember(memory, fresh), notices), []);
  });
});

describe('a Deployment without pods', () => {
  const sight = (deployment: Partial<Deployment['metadata']> | undefined, replicaSets: ReplicaSet[] = []) =>
    workloadEvidence({
      region: 'eu-1',
      workload_id: 7,
      pods: [],
      gone: [],
      deployment: deployment && { metadata: { name: 'eco-7', ...deployment } },
      replicaSets,
      declined: undefined,
      eventsOf: () => [],
      nodeOf: () => undefined,
      rememberedOf: () => ({ started_at: null, ready_at: null, restarted_at: [] }),
      offers: [],
      site: {
        installation: 'ins_1',
        namespace_prefix: 'eco',
        offers: [],
        filesystems: [],
        tolerations: [],
        image_pull_secrets: [],
        gateway: { cidrs: [] },
      },
      generation: 1,
      now: NOW,
    });
  const shown = (...args: Parameters<typeof sight>) => sight(...args).map(({ state, reason }) => `${state} ${reason}`);

  test('may still have some', () => assert.deepEqual(shown({}), ['pending scheduled']));
  test('is not gone before the cluster says so', () =>
    assert.deepEqual(shown({ deletionTimestamp: '2026-11-21T12:00:00Z' }), ['stopping replicas_stopping']));
  test('says why the cluster refuses them', () => {
    const condition = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: ecolink' } as const;
    const refusing: ReplicaSet = {
      metadata: { name: 'rs' },
      spec: { replicas: 1 },
      status: { conditions: [condition] },
    };
    assert.deepEqual(shown({}, [refusing]), ['pending quota_exceeded']);
  });
  test('is nothing where there is none', () => assert.deepEqual(shown(undefined), []));
  test('counts, but stands in no list of replicas', () =>
    assert.deepEqual(planReplicas([], [{ region: 'eu-1', evidence: sight({}) }], NOW), []));
});
