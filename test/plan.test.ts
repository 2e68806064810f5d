import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Evidence } from '../server/cluster/driver.ts';
import type { HoldRow, ReplicaRow } from '../server/db/schema.ts';
import { newMemory } from '../server/workloads/memory.ts';
import { phase } from '../server/workloads/phase/phase.ts';
import type { Phase, RegionSeen, Subject } from '../server/workloads/phase/seen.ts';
import { planMoney, planNext, planRegions } from '../server/workloads/reconcile/plan.ts';
import { planReplicas } from '../server/workloads/reconcile/plan-replicas.ts';

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

const subject = (changes: Partial<Subject> = {}): Subject => ({
  id: 1,
  ref: 'my-llama:1',
  desired: 'running',
  state: 'pending',
  replicas: 2,
  gpu: { type: 'h100', count: 1 },
  startup_seconds: 600,
  mayMove: false,
  memory: newMemory(NOW),
  ...changes,
});
const next = (state: Phase['state'], changes: Partial<Phase> = {}): Phase => ({
  state,
  reason: 'ready',
  message: 'm.',
  hint: null,
  memory: newMemory(NOW),
  deadline: null,
  gone: false,
  ...changes,
});
const region = (name: string, unreachable: string | null = null): RegionSeen => ({
  region: name,
  unreachable,
  replicas: [],
});

describe('planRegions', () => {
  for (const [name, of, seen, regions, expected] of [
    [
      'declares the wanted replicas everywhere',
      subject(),
      next('pending', { gone: true }),
      [region('a'), region('b')],
      ['a 2', 'b 2'],
    ],
    ['says nothing to a silent region', subject(), next('pending'), [region('a', 'refused'), region('b')], ['b 2']],
    ['stops all', subject({ desired: 'stopped' }), next('stopping'), [region('a'), region('b')], ['a 0', 'b 0']],
    ['frees the GPUs of what failed', subject(), next('failed'), [region('a')], ['a 0']],
    [
      'leaves alone what is gone',
      subject({ desired: 'terminated' }),
      next('terminated', { gone: true }),
      [region('a')],
      [],
    ],
  ] satisfies [string, Subject, Phase, RegionSeen[], string[]][]) {
    test(name, () =>
      assert.deepEqual(
        planRegions(of, seen, regions).map(({ region, replicas }) => `${region} ${replicas}`),
        expected,
      ),
    );
  }

  test('what is meant to end, or failed, never creates', () => {
    const anyRegions = fc.array(
      fc.record({
        region: fc.constantFrom('a', 'b'),
        unreachable: fc.option(fc.constant('refused')),
        replicas: fc.array(
          fc.record({
            id: fc.string(),
            state: fc.constantFrom('pending', 'loading', 'ready', 'restarting', 'stopping', 'gone'),
            reason: fc.constantFrom('crashed', 'bad_config', 'ready', 'no_capacity'),
            message: fc.string(),
            restarts: fc.nat(),
            restarted_at: fc.array(fc.integer({ min: NOW - HOUR_MS, max: NOW })),
            started_at: fc.option(fc.constant(NOW)),
            ended_at: fc.option(fc.constant(NOW)),
          }),
          { maxLength: 4 },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.constantFrom('running', 'stopped', 'terminated'), anyRegions, (desired, regions) => {
        const of = subject({ desired });
        const seen = phase(of, regions, NOW);
        const created = planRegions(of, seen, regions).filter(({ replicas }) => replicas > 0);
        if (desired !== 'running' || seen.state === 'failed') assert.deepEqual(created, []);
      }),
    );
  });
});

describe('planMoney', () => {
  const hold = (covers_until: number | null): HoldRow => ({
    id: 'hold_1',
    account_id: 'acc_1',
    workload_id: 1,
    amount_nanos: 24_000n,
    status: 'open',
    opened_at: NOW - 1_000,
    covers_until,
    settled_at: null,
  });
  const started = { started_at: NOW - 500, ended_at: null };
  const ended = { started_at: NOW - 9_000, ended_at: NOW - 8_000 };

  for (const [name, seen, money, expected] of [
    ['nothing while nothing has started', next('pending'), { hold: hold(null), replicas: [] }, []],
    [
      'the clock starts with the first replica',
      next('loading'),
      { hold: hold(null), replicas: [started] },
      [{ type: 'start_clock', covers_until: NOW - 500 + 24 * HOUR_MS }],
    ],
    ['a replica of an earlier hold starts no clock', next('pending'), { hold: hold(null), replicas: [ended] }, []],
    ['nothing while the hold covers it', next('running'), { hold: hold(NOW + 1), replicas: [started] }, []],
    [
      'it is renewed when it covers no more',
      next('running'),
      { hold: hold(NOW), replicas: [started] },
      [{ type: 'renew' }],
    ],
    ['what is stopping is not renewed', next('stopping'), { hold: hold(NOW), replicas: [started] }, []],
    ['what failed is not renewed', next('failed'), { hold: hold(NOW), replicas: [started] }, []],
    ['it is not settled before all is gone', next('failed'), { hold: hold(NOW + 1), replicas: [started] }, []],
    [
      'it is settled when all is gone',
      next('stopped', { gone: true }),
      { hold: hold(NOW + 1), replicas: [] },
      [{ type: 'settle' }],
    ],
    ['waiting with nothing there is no end', next('pending', { gone: true }), { hold: hold(null), replicas: [] }, []],
    ['what costs nothing has no clock', next('running'), { hold: hold(null), replicas: [started], rate_nanos: 0n }, []],
  ] satisfies [string, Phase, object, unknown[]][]) {
    test(name, () =>
      assert.deepEqual(
        planMoney(seen, { rate_nanos: 1_000n, now: NOW, ...(money as { hold: HoldRow; replicas: [] }) }),
        expected,
      ),
    );
  }
});

describe('planNext', () => {
  test('the exact time of a renewal or deadline comes before the usual look', () => {
    assert.equal(planNext(next('running'), NOW + 1_234, NOW), NOW + 1_234);
    assert.equal(planNext(next('pending', { deadline: NOW + 99 }), null, NOW), NOW + 99);
    assert.equal(planNext(next('running'), null, NOW), NOW + 60_000);
  });

  test('a renewal that cannot be made is no reason to look at once', () => {
    assert.equal(planNext(next('stopping'), NOW - 5, NOW), NOW + 1_000);
  });

  test('nothing is left to do when it is over and gone', () => {
    assert.equal(planNext(next('failed', { gone: true }), null, NOW), null);
    assert.notEqual(planNext(next('failed'), null, NOW), null);
    assert.notEqual(planNext(next('pending', { gone: true }), null, NOW), null);
  });
});

describe('planReplicas', () => {
  const evidence = (id: string, changes: Partial<Evidence> = {}): Evidence => ({
    id,
    workload_id: 1,
    region: 'a',
    node: null,
    state: 'ready',
    reason: 'ready',
    message: 'm',
    restarts: 0,
    restarted_at: [],
    pid: 7,
    address: '127.0.0.1:1',
    generation: 1,
    started_at: NOW - 9,
    ready_at: NOW - 5,
    ended_at: null,
    exit_code: null,
    ...changes,
  });
  const row = (id: string, changes: Partial<ReplicaRow> = {}): ReplicaRow => {
    const { generation: _g, restarted_at: _r, ...columns } = evidence(id);
    return { ...columns, changed_seq: 3, ...changes };
  };
  const ids = (changes: ReturnType<typeof planReplicas>) => changes.map(({ after }) => `${after.id} ${after.state}`);

  test('what did not change is not written', () => {
    assert.deepEqual(planReplicas([row('x')], [{ region: 'a', evidence: [evidence('x')] }], NOW), []);
  });

  test('a new one and a changed one are written', () => {
    const answers = [{ region: 'a', evidence: [evidence('x', { state: 'unready' }), evidence('y')] }];
    assert.deepEqual(ids(planReplicas([row('x')], answers, NOW)), ['x unready', 'y ready']);
  });

  test('what its region no longer knows is gone, and has no address', () => {
    const [change] = planReplicas([row('x')], [{ region: 'a', evidence: [] }], NOW);
    assert.deepEqual([change?.after.state, change?.after.ended_at, change?.after.address], ['gone', NOW, null]);
  });

  test('a silent region changes nothing', () => {
    assert.deepEqual(planReplicas([row('x')], [{ region: 'a', evidence: undefined }], NOW), []);
  });

  test('what is gone stays gone', () => {
    assert.deepEqual(
      planReplicas([row('x', { state: 'gone' })], [{ region: 'a', evidence: [evidence('x')] }], NOW),
      [],
    );
  });

  test('one that came and went between two looks is noted with both its times', () => {
    const [change] = planReplicas(
      [],
      [{ region: 'a', evidence: [evidence('x', { state: 'gone', ended_at: NOW - 1 })] }],
      NOW,
    );
    assert.deepEqual([change?.before, change?.after.started_at, change?.after.ended_at], [undefined, NOW - 9, NOW - 1]);
  });
});
