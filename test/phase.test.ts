import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { reasons, replicaStates, workloadStates } from '../sdk/contract/index.ts';
import { newMemory } from '../server/workloads/memory.ts';
import { CRASH_WINDOW_MS } from '../server/workloads/phase/fatal.ts';
import { hintOf } from '../server/workloads/phase/hint.ts';
import { phase } from '../server/workloads/phase/phase.ts';
import type { Phase, RegionSeen, Seen, Subject } from '../server/workloads/phase/seen.ts';
import { NO_CAPACITY_MS, PULLING_MS, QUICK_MS } from '../server/workloads/phase/waiting.ts';

const NOW = 1_800_000_000_000;

const subject = (changes: Partial<Subject> = {}): Subject => ({
  id: 142,
  ref: 'my-llama:142',
  desired: 'running',
  state: 'pending',
  replicas: 1,
  gpu: { type: 'h100', count: 1 },
  startup_seconds: 600,
  mayMove: false,
  memory: newMemory(NOW - 1_000),
  ...changes,
});

const replica = (state: string, reason: string, changes: Partial<Seen> = {}): Seen => ({
  id: '142-a-1',
  state,
  reason,
  message: `it is ${state}`,
  restarts: 0,
  restarted_at: [],
  started_at: state === 'pending' ? null : NOW - 500,
  ended_at: state === 'gone' ? NOW - 100 : null,
  ...changes,
});

const region = (name: string, replicas: Seen[], unreachable: string | null = null): RegionSeen => ({
  region: name,
  replicas,
  unreachable,
});
const ready = replica('ready', 'ready');
const crashed = replica('restarting', 'replica_restarting', {
  restarted_at: [NOW - 300, NOW - 200, NOW - 100],
  restarts: 3,
});
const stopped = (reason: 'stopped_by_user' | 'credit_depleted') =>
  subject({ desired: 'stopped', memory: { ...newMemory(NOW), ended_by: reason } });

/** `state reason` of what is seen. */
const verdict = (of: Subject, regions: RegionSeen[], now = NOW) => {
  const { state, reason } = phase(of, regions, now);
  return `${state} ${reason}`;
};

describe('phase', () => {
  for (const [name, expected, of, regions] of [
    ['nothing is there yet', 'pending scheduled', subject(), [region('a', [])]],
    ['no GPU is free', 'pending no_capacity', subject(), [region('a', [replica('pending', 'no_capacity')])]],
    ['the region is silent', 'pending region_unreachable', subject(), [region('a', [], 'refused')]],
    ['the image is pulled', 'pulling starting', subject(), [region('a', [replica('pulling', 'starting')])]],
    ['the process starts', 'loading starting', subject(), [region('a', [replica('loading', 'starting')])]],
    [
      'the weights are loaded',
      'loading loading_model',
      subject(),
      [region('a', [replica('loading', 'loading_model')])],
    ],
    ['all serve', 'running ready', subject(), [region('a', [ready]), region('b', [ready])]],
    [
      'the only replica restarts',
      'loading replica_restarting',
      subject(),
      [region('a', [replica('restarting', 'replica_restarting')])],
    ],
    ['the only replica hangs', 'loading unresponsive', subject(), [region('a', [replica('unready', 'unresponsive')])]],
    [
      'one of two restarts',
      'degraded replica_restarting',
      subject(),
      [region('a', [ready]), region('b', [replica('restarting', 'replica_restarting')])],
    ],
    [
      'one of two hangs',
      'degraded unresponsive',
      subject(),
      [region('a', [ready]), region('b', [replica('unready', 'unresponsive')])],
    ],
    [
      'one of two waits for a GPU',
      'degraded no_capacity',
      subject(),
      [region('a', [ready]), region('b', [replica('pending', 'no_capacity')])],
    ],
    [
      'one of two regions is silent',
      'degraded region_unreachable',
      subject(),
      [region('a', [ready]), region('b', [], 'refused')],
    ],
    [
      'all regions are silent and were serving',
      'degraded region_unreachable',
      subject(),
      [region('a', [ready], 'refused')],
    ],
    ['a second replica is on its way', 'degraded scaling', subject({ replicas: 2 }), [region('a', [ready])]],
    ['more than asked for serve', 'running ready', subject(), [region('a', [ready, ready])]],
    ['it crashed three times', 'failed crashed', subject(), [region('a', [crashed])]],
    [
      'it crashed three times and another serves',
      'degraded replica_restarting',
      subject(),
      [region('a', [crashed]), region('b', [ready])],
    ],
    [
      'it crashed three times and another still loads',
      'loading loading_model',
      subject(),
      [region('a', [crashed]), region('b', [replica('loading', 'loading_model')])],
    ],
    [
      'three replicas crashed and are gone',
      'failed crashed',
      subject(),
      [
        region(
          'a',
          [1, 2, 3].map(() => replica('gone', 'crashed')),
        ),
      ],
    ],
    [
      'it crashed three times long ago',
      'loading replica_restarting',
      subject({ memory: newMemory(0) }),
      [region('a', [{ ...crashed, restarted_at: [1, 2, 3].map((n) => NOW - CRASH_WINDOW_MS - n) }])],
    ],
    [
      'it crashed before it was resumed',
      'loading replica_restarting',
      subject({ memory: newMemory(NOW - 50) }),
      [region('a', [crashed])],
    ],
    ['the command is not there', 'failed bad_config', subject(), [region('a', [replica('restarting', 'bad_config')])]],
    ['the command was not there', 'failed bad_config', subject(), [region('a', [replica('gone', 'bad_config')])]],
    [
      'it never got ready',
      'failed startup_timeout',
      subject(),
      [region('a', [replica('restarting', 'startup_timeout')])],
    ],
    ['it was told to stop', 'stopping replicas_stopping', stopped('stopped_by_user'), [region('a', [ready])]],
    [
      'it was told to stop and a region is silent',
      'stopping region_unreachable',
      stopped('stopped_by_user'),
      [region('a', [], 'refused')],
    ],
    [
      'it stopped',
      'stopped stopped_by_user',
      stopped('stopped_by_user'),
      [region('a', [replica('gone', 'replicas_stopping')])],
    ],
    ['its money is used up', 'stopped credit_depleted', stopped('credit_depleted'), [region('a', [])]],
    [
      'it is being terminated',
      'stopping replicas_stopping',
      subject({ desired: 'terminated' }),
      [region('a', [replica('stopping', 'replicas_stopping')])],
    ],
    ['it was terminated', 'terminated terminated_by_user', subject({ desired: 'terminated' }), [region('a', [])]],
  ] satisfies [string, string, Subject, RegionSeen[]][]) {
    test(`${name}: ${expected}`, () => assert.equal(verdict(of, regions), expected));
  }

  for (const [name, expected, limitMs, seen] of [
    ['nothing ever appears', 'failed scheduled', QUICK_MS, []],
    ['a region stays silent', 'failed region_unreachable', QUICK_MS, 'silent'],
    ['no GPU becomes free', 'failed no_capacity', NO_CAPACITY_MS, [replica('pending', 'no_capacity')]],
    ['the pull never ends', 'failed starting', PULLING_MS, [replica('pulling', 'starting')]],
    ['loading never ends', 'failed startup_timeout', 600_000, [replica('loading', 'loading_model')]],
    ['it never answers', 'failed unresponsive', QUICK_MS, [replica('unready', 'unresponsive')]],
  ] satisfies [string, string, number, Seen[] | 'silent'][]) {
    test(`${name}: ${expected} after ${limitMs / 60_000} minutes, and not before`, () => {
      const regions = [seen === 'silent' ? region('a', [], 'refused') : region('a', seen)];
      const first = phase(subject(), regions, NOW);
      assert.equal(first.deadline, NOW + limitMs);
      const later = subject({ memory: first.memory });
      assert.notEqual(phase(later, regions, NOW + limitMs - 1).state, 'failed');
      assert.equal(verdict(later, regions, NOW + limitMs), expected);
    });
  }

  test('what a region refuses to make does not hide that all it has made crashes', () => {
    const refused = replica('pending', 'quota_exceeded', { id: '142-a', is_placeholder: true });
    assert.equal(phase(subject({ replicas: 2 }), [region('a', [refused, crashed])], NOW).reason, 'crashed');
    const serves = phase(subject({ replicas: 1 }), [region('a', [ready, refused])], NOW);
    assert.deepEqual([serves.state, serves.reason], ['degraded', 'quota_exceeded']);
  });

  test('messages are sentences that name the thing, and hints are commands', () => {
    const silent = phase(subject(), [region('eu-1', [], 'connection refused')], NOW);
    assert.equal(silent.message, 'eu-1 cannot be reached: connection refused.');
    assert.equal(silent.hint, 'eco regions');
    const one = phase(subject(), [region('a', [ready]), region('b', [])], NOW);
    assert.equal(one.message, '1 of 2 replicas ready; more are being started in b.');
  });
});

const anySeen: fc.Arbitrary<Seen> = fc.record({
  id: fc.constantFrom('r1', 'r2', 'r3'),
  state: fc.constantFrom(...replicaStates),
  reason: fc.constantFrom(...reasons),
  message: fc.string({ minLength: 1 }),
  restarts: fc.nat(5),
  restarted_at: fc.array(fc.integer({ min: NOW - 2 * CRASH_WINDOW_MS, max: NOW }), { maxLength: 5 }),
  started_at: fc.option(fc.integer({ min: NOW - 10_000, max: NOW })),
  ended_at: fc.option(fc.integer({ min: NOW - 10_000, max: NOW })),
});
const anyRegions = fc.array(
  fc.record({
    region: fc.constantFrom('a', 'b'),
    unreachable: fc.option(fc.constant('refused')),
    replicas: fc.array(anySeen, { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 2 },
);
const anySubject = fc
  .record({
    desired: fc.constantFrom('running', 'stopped', 'terminated'),
    state: fc.constantFrom(...workloadStates),
    replicas: fc.integer({ min: 1, max: 3 }),
  })
  .map((changes) => subject(changes));

/** One pass after another, each with the memory of the one before. */
function passes(of: Subject, seen: readonly RegionSeen[][], stepMs: number): Phase[] {
  let memory = of.memory;
  return seen.map((regions, index) => {
    const next = phase({ ...of, memory }, regions, NOW + index * stepMs);
    memory = next.memory;
    return next;
  });
}

describe('properties of phase', () => {
  test('there is always a state and a reason of the contract, a sentence, and a deadline where it waits', () => {
    fc.assert(
      fc.property(anySubject, anyRegions, (of, regions) => {
        const next = phase(of, regions, NOW);
        assert.ok(workloadStates.includes(next.state));
        assert.ok(reasons.includes(next.reason));
        assert.match(next.message, /\S.*[.!?]$/s);
        const waits = ['pending', 'pulling', 'loading'].includes(next.state);
        assert.equal(next.deadline !== null, waits);
      }),
    );
  });

  test('only confirmation by every region makes it stopped or terminated', () => {
    fc.assert(
      fc.property(anySubject, anyRegions, (of, regions) => {
        const confirmed = regions.every(
          (r) => r.unreachable === null && r.replicas.every(({ state }) => state === 'gone'),
        );
        const { state, gone } = phase(of, regions, NOW);
        assert.equal(gone, confirmed);
        assert.equal(state === 'stopped' || state === 'terminated', of.desired !== 'running' && confirmed);
      }),
    );
  });

  test('the first fatal cause is kept, whatever is seen later', () => {
    fc.assert(
      fc.property(fc.array(anyRegions, { minLength: 2, maxLength: 8 }), (seen) => {
        const all = passes(subject(), seen, 60_000);
        const first = all.findIndex(({ state }) => state === 'failed');
        if (first < 0) return;
        const { reason, message } = all[first]!;
        for (const later of all.slice(first))
          assert.deepEqual([later.state, later.reason, later.message], ['failed', reason, message]);
      }),
    );
  });

  test('what never serves fails in the end, however causes take turns', () => {
    const neverReady = anyRegions.map((regions) =>
      regions.map((r) => ({ ...r, replicas: r.replicas.filter(({ state }) => state !== 'ready') })),
    );
    const HOUR_MS = 3_600_000;
    fc.assert(
      fc.property(fc.array(neverReady, { minLength: 1, maxLength: 4 }), (kinds) => {
        const rounds = Array.from({ length: 3_000 }, (_, index) => kinds[index % kinds.length]!);
        const all = passes(subject(), rounds, HOUR_MS / 60);
        assert.equal(all.at(-1)?.state, 'failed');
      }),
      { numRuns: 40 },
    );
  });

  test('while a replica serves it never fails', () => {
    fc.assert(
      fc.property(anyRegions, (regions) => {
        const serving = [...regions, region('c', [ready])];
        assert.ok(['running', 'degraded'].includes(phase(subject(), serving, NOW).state));
      }),
    );
  });
});

test('every reason but those that pass by themselves has a command that helps', () => {
  const without = reasons.filter((reason) => hintOf(reason, 142) === null);
  assert.deepEqual(without, ['scheduled', 'starting', 'ready', 'scaling', 'replicas_stopping']);
  assert.deepEqual(
    [hintOf('crashed', 142), hintOf('no_capacity', 142), hintOf('oom_gpu', 142)],
    ['eco logs 142', 'eco regions', 'eco help oom_gpu'],
  );
});
