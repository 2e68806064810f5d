import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import {
  extendWorkload,
  followEvents,
  getBalance,
  getInstance,
  getWorkload,
  launchInstance,
  listEvents,
  listInstances,
  listRegions,
  listReplicas,
  listWorkloads,
  type Quote,
  readLogs,
  resumeWorkload,
  scaleWorkload,
  stopWorkload,
  terminateWorkload,
  type Workload,
  type WorkloadEvent,
  waitForWorkload,
} from '../sdk/contract/index.ts';
import { auditMoney } from '../server/billing/audit.ts';
import { openFeed } from '../server/workloads/follow/feed.ts';
import { claimOne, LEASE_MS } from '../server/workloads/reconcile/lease.ts';
import { startReconciler } from '../server/workloads/reconcile/reconcile.ts';
import { ORPHAN_GRACE_MS, type Orphans, sweepRegion } from '../server/workloads/reconcile/sweep.ts';
import { DIALECTS } from './databases.ts';
import { until } from './until.ts';
import { openWorkloadBench, type Tenant, type WorkloadBench } from './workload-bench.ts';

const HOUR_MS = 3_600_000;
const SIM = { model: 'my-llama', image: 'ecolink/sim' };
const ONE = { ...SIM, regions: ['local-a'] };

const launch = async (tenant: Tenant, input: object = SIM) =>
  (await tenant.call(launchInstance, input as typeof SIM)) as Workload;
const quote = async (tenant: Tenant, input: object) =>
  (await tenant.call(launchInstance, { ...(input as typeof SIM), dry_run: true })) as Quote;
const get = (tenant: Tenant, workload: number | string) => tenant.call(getWorkload, { workload: String(workload) });
const inState = (tenant: Tenant, id: number, state: string) =>
  until(`workload ${id} ${state}`, async () => {
    const workload = await get(tenant, id);
    return workload.state === state && workload.observed_generation === workload.generation && workload;
  });
const verb = (tenant: Tenant, endpoint: typeof stopWorkload, { id }: { id: number }) =>
  tenant.call(endpoint, { workload: String(id) });
const events = async (tenant: Tenant, { id }: { id: number }) =>
  (await tenant.call(listEvents, { workload: String(id) })).data;
const available = async (tenant: Tenant) => (await tenant.call(getBalance, {})).available;
const held = async (tenant: Tenant) => (await tenant.call(getBalance, {})).held;
const linesOf = async (response: Response) =>
  (await response.text())
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** The books are right: what tests of money end with. */
async function assertBooks({ context: { db, clock } }: WorkloadBench): Promise<void> {
  const { findings, checked } = await auditMoney(db, clock());
  assert.deepEqual(findings, []);
  assert.ok(Object.values(checked).some((count) => count > 0));
}

for (const dialect of DIALECTS) {
  describe(`workloads on ${dialect}`, () => {
    test('an instance goes from launch to running in two regions, with its money held', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.a.startAs = 'loading';
      const { id, ref, state, reason, hold, rate_per_hour } = await launch(bench);
      assert.deepEqual(
        [ref, state, reason, hold, rate_per_hour],
        [`my-llama:${id}`, 'pending', 'scheduled', '153.60', '6.40'],
      );
      assert.deepEqual([await available(bench), await held(bench)], ['846.40', '153.60']);

      const degraded = await inState(bench, id, 'degraded');
      assert.deepEqual(
        [degraded.reason, degraded.regions.map(({ ready }) => ready).toSorted()],
        ['loading_model', [0, 1]],
      );
      bench.a.become({ state: 'ready', reason: 'ready', ready_at: Date.now() });
      const running = await inState(bench, id, 'running');

      assert.ok(running.started_at);
      assert.equal(
        running.hold_until,
        Math.min(...[...bench.a.replicas(), ...bench.b.replicas()].map(({ started_at }) => started_at ?? 0)) +
          24 * HOUR_MS,
      );
      const { data } = await bench.call(listReplicas, { workload: ref });
      assert.deepEqual(data.map((replica) => [replica.region, replica.state]).toSorted(), [
        ['local-a', 'ready'],
        ['local-b', 'ready'],
      ]);
      const told = (await events(bench, { id })).map((event) => event.reason);
      for (const reason of ['launched', 'replica_ready', 'loading_model', 'ready'])
        assert.ok(told.includes(reason), reason);
      assert.equal((await events(bench, { id })).at(-1)?.actor, bench.keyId);
      await assertBooks(bench);
    });

    test('stop waits for confirmation, charges the exact time and gives the rest back', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench);
      await inState(bench, id, 'running');
      bench.a.stopsAtOnce = false;
      bench.forward(HOUR_MS);

      const stopping = await verb(bench, stopWorkload, { id });
      assert.equal(stopping.state, 'stopping');
      await until('b is gone', () => bench.b.replicas().every(({ state }) => state === 'gone'));
      assert.equal((await inState(bench, id, 'stopping')).hold, '153.60');
      bench.forward(HOUR_MS);
      bench.a.finishStopping();
      const stopped = await inState(bench, id, 'stopped');

      assert.deepEqual([stopped.reason, stopped.hold, stopped.hint], ['stopped_by_user', '0.00', `eco resume ${id}`]);
      const ms = [...bench.a.replicas(), ...bench.b.replicas()].reduce(
        (sum, { started_at, ended_at }) => sum + (ended_at! - started_at!),
        0,
      );
      const used = (BigInt(ms) * 3_200_000_000n) / 3_600_000n;
      const left = 1000_000_000_000n - used;
      const shown = BigInt(Math.round(Number(await available(bench)) * 1e9));
      assert.ok(shown - left <= 1_000n && left - shown <= 1_000n, `${shown} is left, ${left} was expected`);
      assert.equal(await held(bench), '0.00');
      await assertBooks(bench);
    });

    test('too little balance leaves nothing behind', async () => {
      await using bench = await openWorkloadBench(dialect, { credit: '153.59' });
      await assert.rejects(launch(bench), { code: 'insufficient_balance', status: 402 });
      assert.deepEqual((await bench.call(listWorkloads, { all: true })).data, []);
      assert.equal(await available(bench), '153.59');
      const { affordable, available_after } = await quote(bench, SIM);
      assert.deepEqual([affordable, available_after], [false, '-0.01']);
    });

    test('a quote changes nothing and says where it would go', async () => {
      await using bench = await openWorkloadBench(dialect);
      const answer = await quote(bench, { ...SIM, replicas: 2, gpu: { count: 2 } });
      assert.deepEqual([answer.rate_per_hour, answer.hold, answer.hold_hours], ['25.60', '614.40', 24]);
      assert.deepEqual(
        answer.placements.map(({ region, replicas, free }) => [region, replicas, free]),
        [
          ['local-a', 2, 8],
          ['local-b', 2, 8],
        ],
      );
      assert.deepEqual((await bench.call(listWorkloads, {})).data, []);
    });

    test('the same launch again gives the same workload, also when both come at once', async () => {
      await using bench = await openWorkloadBench(dialect);
      const key = { 'idempotency-key': 'launch-1' };
      const results = await Promise.allSettled(Array.from({ length: 5 }, () => bench.call(launchInstance, ONE, key)));
      const again = (await bench.call(launchInstance, ONE, key)) as Workload;
      const ids = results.flatMap((result) => (result.status === 'fulfilled' ? [(result.value as Workload).id] : []));
      assert.deepEqual([...new Set([...ids, again.id])].length, 1);
      assert.equal((await bench.call(listWorkloads, {})).data.length, 1);
    });

    test('the last GPU goes to one of many launches at once', async () => {
      await using bench = await openWorkloadBench(dialect, {
        regions: [{ region: 'local-a', gpus: [{ type: 'h100', count: 3, price: '1.00' }] }],
        reconciles: false,
      });
      const results = await Promise.allSettled(Array.from({ length: 12 }, () => launch(bench, ONE)));
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      assert.equal(results.length - refused.length, 3);
      for (const error of refused) assert.equal(error.code, 'no_capacity');
      assert.match(refused[0].message, /wanted 1 × h100 in local-a: 0 free of 3, largest free block 0/);
      assert.equal(await held(bench), '72.00');
      await assertBooks(bench);
    });

    test('a GPU in use is not counted twice: what is free can be launched at once', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.a.startAs = 'loading';
      const first = await launch(bench, { ...ONE, gpu: { count: 4 } });
      await until('it has its GPUs', () => bench.a.replicas()[0]?.started_at);
      const second = await launch(bench, { ...ONE, gpu: { count: 4 } });
      await until(
        'both have theirs',
        () => bench.a.replicas().filter(({ started_at }) => started_at !== null).length === 2,
      );
      assert.notEqual(first.id, second.id);
    });

    test('the system account pays nothing', async () => {
      await using bench = await openWorkloadBench(dialect);
      const system = await bench.newTenant('0.00', { isSystem: true });
      await system.addModel('qwen');
      const { id, hold, rate_per_hour } = await launch(system, { ...SIM, model: 'qwen' });
      assert.deepEqual([hold, rate_per_hour], ['0.00', '0.00']);
      const running = await inState(system, id, 'running');
      assert.equal(running.hold_until, null);
      bench.forward(30 * HOUR_MS);
      await verb(system, stopWorkload, { id });
      await inState(system, id, 'stopped');
      await assertBooks(bench);
    });

    test('verbs again change nothing, and terminated is final', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench, ONE);
      const running = await inState(bench, id, 'running');
      assert.equal((await verb(bench, resumeWorkload, { id })).revision, running.revision);

      await verb(bench, stopWorkload, { id });
      const stopped = await inState(bench, id, 'stopped');
      assert.equal((await verb(bench, stopWorkload, { id })).generation, stopped.generation);

      const terminated = await verb(bench, terminateWorkload, { id });
      assert.deepEqual(
        [terminated.state, terminated.reason, terminated.observed_generation],
        ['terminated', 'terminated_by_user', terminated.generation],
      );
      assert.equal((await verb(bench, terminateWorkload, { id })).generation, terminated.generation);
      for (const endpoint of [stopWorkload, resumeWorkload])
        await assert.rejects(verb(bench, endpoint, { id }), { code: 'conflict' });
      await assert.rejects(bench.call(scaleWorkload, { workload: String(id), replicas: 2 }), { code: 'conflict' });
      assert.equal((await get(bench, id)).state, 'terminated');
      assert.deepEqual((await bench.call(listWorkloads, {})).data, []);
      assert.equal((await bench.call(listWorkloads, { all: true })).data.length, 1);
    });

    test('what still waits can be stopped and terminated', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.a.startAs = 'loading';
      const first = await launch(bench, ONE);
      await verb(bench, stopWorkload, first);
      await inState(bench, first.id, 'stopped');
      const second = await launch(bench, ONE);
      await inState(bench, second.id, 'loading');
      await verb(bench, terminateWorkload, second);
      const ended = await inState(bench, second.id, 'terminated');
      assert.equal(ended.hold, '0.00');
      assert.ok(bench.a.replicas().every(({ state }) => state === 'gone'));
      await assertBooks(bench);
    });

    test('resume takes a new hold; without the money nothing changes', async () => {
      await using bench = await openWorkloadBench(dialect, { credit: '80.00' });
      const { id } = await launch(bench, ONE);
      await inState(bench, id, 'running');
      bench.forward(2 * HOUR_MS);
      await verb(bench, stopWorkload, { id });
      const stopped = await inState(bench, id, 'stopped');
      await assert.rejects(verb(bench, resumeWorkload, { id }), { code: 'insufficient_balance' });
      assert.deepEqual(await get(bench, id), stopped);

      const richer = await bench.newTenant('200.00');
      await richer.addModel('my-llama');
      const other = await launch(richer, ONE);
      await inState(richer, other.id, 'running');
      await verb(richer, stopWorkload, other);
      await inState(richer, other.id, 'stopped');
      const resumed = await verb(richer, resumeWorkload, other);
      assert.deepEqual([resumed.state, resumed.hold, resumed.ended_at], ['pending', '76.80', null]);
      await inState(richer, other.id, 'running');
      await assertBooks(bench);
    });

    test('resume without room is refused with the arithmetic', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench, { ...ONE, gpu: { count: 8 } });
      await inState(bench, id, 'running');
      await verb(bench, stopWorkload, { id });
      await inState(bench, id, 'stopped');
      const other = await launch(bench, { ...ONE, gpu: { count: 4 } });
      await inState(bench, other.id, 'running');
      await assert.rejects(verb(bench, resumeWorkload, { id }), {
        code: 'no_capacity',
        message: /wanted 8 × h100 in local-a: 4 free of 8/,
      });
      assert.equal((await get(bench, id)).state, 'stopped');
    });

    test('scaling up takes more of the balance, scaling down gives back at the end', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench, ONE);
      await inState(bench, id, 'running');
      await bench.call(scaleWorkload, { workload: String(id), replicas: 3 });
      const three = await inState(bench, id, 'running');
      assert.equal(three.regions[0]?.ready, 3);
      assert.ok(Math.abs(Number(three.hold) - 3 * 76.8) < 0.1, three.hold);

      await assert.rejects(bench.call(scaleWorkload, { workload: String(id), replicas: 9 }), { code: 'no_capacity' });
      assert.equal((await get(bench, id)).generation, three.generation);
      await bench.call(scaleWorkload, { workload: String(id), replicas: 1 });
      const one = await until('one is left', async () => {
        const now = await inState(bench, id, 'running');
        return now.regions[0]?.ready === 1 && now;
      });
      assert.equal(one.hold, three.hold);
      await assertBooks(bench);
    });

    test('the hold is renewed, then partly, and at the end of the balance it stops', async () => {
      await using bench = await openWorkloadBench(dialect, { credit: '100.00' });
      const { id } = await launch(bench, ONE);
      const running = await inState(bench, id, 'running');
      assert.equal(running.hold, '76.80');

      bench.forward(running.hold_until! - bench.context.clock() + 1);
      const partial = await until('a partial hold', async () => {
        const now = await get(bench, id);
        return now.hold_until !== running.hold_until && now;
      });
      assert.deepEqual([partial.state, Number(partial.hold) < 23.21], ['running', true]);
      const hours = (partial.hold_until! - running.hold_until!) / HOUR_MS;
      assert.ok(Math.abs(hours - 23.2 / 3.2) < 0.01, `${hours} hours`);

      bench.forward(partial.hold_until! - bench.context.clock() + 1);
      const stopped = await inState(bench, id, 'stopped');
      assert.deepEqual([stopped.reason, stopped.hint], ['credit_depleted', 'eco billing balance']);
      assert.ok((await events(bench, { id })).some(({ reason }) => reason === 'hold_partial'));
      await assertBooks(bench);
    });

    test('a silent region is never read as gone: not while serving, not while stopping', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench);
      await inState(bench, id, 'running');
      bench.b.cutOff();
      bench.a.become({ node: 'node-2' }); // something to look at
      const degraded = await inState(bench, id, 'degraded');
      assert.equal(degraded.reason, 'region_unreachable');
      assert.equal((await bench.call(listReplicas, { workload: String(id) })).data.length, 2);

      await verb(bench, stopWorkload, { id });
      await until('a is gone', () => bench.a.replicas().every(({ state }) => state === 'gone'));
      const stopping = await until('waiting for b', async () => {
        const now = await get(bench, id);
        return now.reason === 'region_unreachable' && now.state === 'stopping' && now;
      });
      assert.match(stopping.message, /Waiting for local-b to confirm/);
      assert.equal(stopping.hold, '153.60');
      bench.b.heal();
      bench.forward(60_000);
      assert.equal((await inState(bench, id, 'stopped')).hold, '0.00');
      await assertBooks(bench);
    });

    test('a replica that a late region leaves out is asked for before it is taken for gone', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench);
      await inState(bench, id, 'running');
      const before = await bench.call(listReplicas, { workload: String(id) });
      bench.a.isLate = true;
      bench.b.become({ node: 'node-2' }); // something to look at
      await until('that is seen', async () =>
        (await bench.call(listReplicas, { workload: String(id) })).data.some(({ node }) => node === 'node-2'),
      );
      const after = await bench.call(listReplicas, { workload: String(id) });
      assert.deepEqual(
        after.data.map(({ id, state }) => [id, state]),
        before.data.map(({ id }) => [id, 'ready']),
      );
      assert.equal((await get(bench, id)).state, 'running');
    });

    test('a region that hangs holds nobody up elsewhere', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.b.cutOff('hangs');
      const [{ placements, notes }, { data }] = await Promise.all([quote(bench, SIM), bench.call(listRegions, {})]);
      assert.deepEqual(
        placements.map(({ region }) => region),
        ['local-a'],
      );
      assert.match(String(notes), /local-b cannot be reached/);
      assert.deepEqual(
        data.map(({ name, reachable, message }) => [name, reachable, message]),
        [
          ['local-a', true, null],
          ['local-b', false, 'no answer within 3 s'],
        ],
      );
      const { id } = await launch(bench, ONE);
      await inState(bench, id, 'running');
    });

    test('what crashes three times is failed, its GPUs are freed and its money is settled', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.a.startAs = 'loading';
      const { id } = await launch(bench, ONE);
      await inState(bench, id, 'loading');
      const [replica] = bench.a.replicas();
      for (let crash = 0; crash < 3; crash++) bench.a.crash(replica!.id);
      const failed = await inState(bench, id, 'failed');
      assert.deepEqual([failed.reason, failed.hint], ['crashed', `eco logs ${id}`]);
      await until('its GPUs are free', () => bench.a.replicas().every(({ state }) => state === 'gone'));
      await until('its money is settled', async () => (await get(bench, id)).hold === '0.00');
      const [last] = (await bench.call(listReplicas, { workload: String(id), all: true })).data;
      assert.deepEqual([last?.restarts, last?.exit_code, last?.state], [3, 1, 'gone']);

      bench.a.startAs = 'ready';
      await verb(bench, resumeWorkload, { id });
      await inState(bench, id, 'running');
      await assertBooks(bench);
    });

    test('a stop that comes while a pass is under way wins: the pass writes nothing and creates nothing', async () => {
      await using bench = await openWorkloadBench(dialect);
      const observe = bench.a.observe.bind(bench.a);
      const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
      const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
      bench.a.observe = async (workload) => {
        isAsked();
        await answer;
        return observe(workload);
      };
      const { id } = await launch(bench, ONE);
      await asked;
      await verb(bench, stopWorkload, { id });
      letAnswer();
      await inState(bench, id, 'stopped');
      assert.deepEqual(
        bench.a.applied.filter(({ replicas }) => replicas > 0),
        [],
      );
      await assertBooks(bench);
    });

    test('a stop at any moment of a launch ends stopped, with nothing left and the books right', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.a.startAs = 'loading';
      const stopAfter = async (ms: number) => {
        const { id } = await launch(bench, ONE);
        await new Promise((resolve) => setTimeout(resolve, ms));
        await verb(bench, stopWorkload, { id });
        return inState(bench, id, 'stopped');
      };
      const stopped = await Promise.all([0, 5, 20, 60, 110, 150, 250].map(stopAfter));
      assert.ok(stopped.every(({ hold }) => hold === '0.00'));
      assert.ok(bench.a.replicas().every(({ state }) => state === 'gone'));
      assert.equal(await held(bench), '0.00');
      await assertBooks(bench);
    });

    test('two servers share the work: each workload has its replicas once', async () => {
      await using bench = await openWorkloadBench(dialect, {
        regions: [{ region: 'local-a', gpus: [{ type: 'h100', count: 40, price: '0.10' }] }],
      });
      await using _second = await startReconciler({ ...bench.context, serverId: 'second' });
      const launched = await Promise.all(Array.from({ length: 20 }, () => launch(bench, ONE)));
      const running = await Promise.all(launched.map(({ id }) => inState(bench, id, 'running')));
      assert.equal(bench.a.replicas().length, running.length);
      await Promise.all(launched.map((workload) => verb(bench, terminateWorkload, workload)));
      await Promise.all(launched.map(({ id }) => inState(bench, id, 'terminated')));
      const intervals = await bench.context.db.selectFrom('replica_intervals').selectAll().execute();
      assert.deepEqual([intervals.length, intervals.filter(({ ended_at }) => ended_at === null).length], [20, 0]);
      await assertBooks(bench);
    });

    test('a server that died in a pass is replaced when its lease ends', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      const { id } = await launch(bench, ONE);
      assert.ok(await claimOne(bench.context.db, id, { owner: 'dead', now: bench.context.clock() }));
      await using _heir = await startReconciler({ ...bench.context, serverId: 'heir' });
      assert.equal((await get(bench, id)).observed_generation, 0);
      bench.forward(LEASE_MS);
      await inState(bench, id, 'running');
    });

    test('a driver that throws costs its own workload a try and nobody else anything', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { apply, observe } = bench.a;
      const failing = { apply: 2, observe: 2 };
      bench.a.apply = async (deployment) => {
        if (failing.apply-- > 0) throw new Error('a bug in a driver');
        return apply(deployment);
      };
      bench.a.observe = async (workload) => {
        if (failing.observe-- > 0) throw new Error('another bug in a driver');
        return observe(workload);
      };
      const broken = await launch(bench, ONE);
      const other = await launch(bench, { ...SIM, regions: ['local-b'] });
      await inState(bench, other.id, 'running');
      await until('it has failed as often as it can', () => {
        bench.forward(1_000);
        return failing.apply < 0 && failing.observe < 0;
      });
      await inState(bench, broken.id, 'running');
    });

    test('secrets reach the replica and nothing else; the token of the model is among them', async () => {
      await using bench = await openWorkloadBench(dialect);
      await bench.addModel('gated', { type: 'huggingface', repo: 'org/gated', revision: 'main' }, 'hf_token_1');
      const { id } = await launch(bench, {
        ...ONE,
        model: 'gated',
        secrets: { PASSWORD: 'hunter2hunter2' },
        env: { MODE: 'fast' },
      });
      await inState(bench, id, 'running');
      const [applied] = bench.a.applied;
      assert.deepEqual(applied?.secrets, { HF_TOKEN: 'hf_token_1', PASSWORD: 'hunter2hunter2' });
      assert.equal(applied?.env.MODE, 'fast');
      const row = await bench.context.db.selectFrom('workloads').selectAll().executeTakeFirstOrThrow();
      const everything = JSON.stringify([
        row,
        await bench.context.db.selectFrom('audit_log').selectAll().execute(),
        await events(bench, { id }),
      ]);
      assert.doesNotMatch(everything, /hunter2|hf_token_1/);
    });

    test('workloads are found by id, by name and id, and by a name that one has', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      const { id } = await launch(bench, ONE);
      for (const ref of [id, `my-llama:${id}`, 'my-llama']) assert.equal((await get(bench, ref)).id, id);
      await assert.rejects(get(bench, `other:${id}`), {
        code: 'not_found',
        message: new RegExp(`Workload ${id} is "my-llama:${id}"`),
      });
      await assert.rejects(get(bench, 99), { code: 'not_found' });
      await assert.rejects(get(bench, 'my-lama'), { code: 'not_found', message: /Did you mean "my-llama"\?/ });

      const { id: second } = await launch(bench, ONE);
      await assert.rejects(get(bench, 'my-llama'), {
        code: 'conflict',
        message: new RegExp(`my-llama:${second}, my-llama:${id}`),
      });

      const stranger = await bench.newTenant('0.00');
      await assert.rejects(get(stranger, id), { code: 'forbidden', status: 403 });
      await assert.rejects(stranger.call(getInstance, { workload: `my-llama:${id}` }), { code: 'forbidden' });
      await assert.rejects(get(stranger, 'my-llama'), { code: 'not_found' });
      await assert.rejects(verb(stranger, stopWorkload, { id }), { code: 'forbidden' });
    });

    test('lists are pages, newest first', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      const ids: number[] = [];
      for (let n = 0; n < 3; n++) ids.push((await launch(bench, ONE)).id);
      const first = await bench.call(listInstances, { limit: 2 });
      const second = await bench.call(listInstances, { limit: 2, after: first.next ?? undefined });
      assert.deepEqual(
        [...first.data, ...second.data].map(({ id }) => id),
        ids.toReversed(),
      );
      assert.equal(second.next, null);
      assert.equal((await bench.call(listInstances, { model: 'nothing' })).data.length, 0);
      assert.equal((await bench.call(listWorkloads, { state: 'running' })).data.length, 0);
      await assert.rejects(bench.call(listWorkloads, { after: 'x' }), { code: 'invalid_request' });
    });

    test('what cannot be launched is refused with what to do', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      await bench.addModel('shared', { type: 'filesystem', filesystem: 'fs', path: '/x' });
      await bench.addModel('boxed', { type: 'image' });
      await assert.rejects(launch(bench, { model: 'my-lama' }), {
        code: 'not_found',
        message: /Did you mean "my-llama"/,
      });
      await assert.rejects(launch(bench, { model: 'my-llama' }), {
        code: 'not_supported',
        message: /--image ecolink\/sim/,
      });
      await assert.rejects(launch(bench, { ...SIM, model: 'shared' }), { code: 'not_supported' });
      await assert.rejects(launch(bench, { model: 'boxed' }), { code: 'invalid_request', param: 'image' });
      await assert.rejects(launch(bench, { ...SIM, regions: ['mars'] }), { code: 'invalid_request', param: 'regions' });
      await assert.rejects(launch(bench, { ...SIM, gpu: { type: 'b200' } }), {
        code: 'invalid_request',
        param: 'gpu.type',
      });
      const command = await launch(bench, {
        ...ONE,
        model: 'boxed',
        image: undefined,
        command: ['python', 'serve.py'],
      });
      assert.deepEqual([command.image, command.command], ['none', ['python', 'serve.py']]);
    });

    test('extend says what renews the hold', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      const { id } = await launch(bench, ONE);
      await assert.rejects(bench.call(extendWorkload, { workload: String(id), hours: 1 }), {
        code: 'not_supported',
        message: /renews by itself every 24 hours/,
      });
    });

    test('a watch that waits again and again leaves nothing on the signal of its request', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      const { watch: open } = await openFeed(bench.context);
      const { signal } = new AbortController();
      using watch = open(1);
      for (let wait = 0; wait < 5; wait++) await watch.changed(1, signal);
      assert.equal(getEventListeners(signal, 'abort').length, 0);
    });

    test('wait answers as soon as something changes, and after its time as it is', async () => {
      await using bench = await openWorkloadBench(dialect);
      bench.a.startAs = 'loading';
      const { id } = await launch(bench, ONE);
      const loading = await inState(bench, id, 'loading');
      const waiting = bench.call(waitForWorkload, {
        workload: String(id),
        revision: loading.revision,
        timeout_seconds: 30,
      });
      bench.a.become({ state: 'ready', reason: 'ready' });
      assert.equal((await waiting).state, 'running');

      const { revision } = await get(bench, id);
      const same = await bench.call(waitForWorkload, { workload: String(id), revision, timeout_seconds: 0 });
      assert.equal(same.revision, revision);
    });

    test('events are followed in order, each once, to the end', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench, ONE);
      const following = bench.open(followEvents, { workload: id }).then(linesOf) as Promise<WorkloadEvent[]>;
      await inState(bench, id, 'running');
      await verb(bench, terminateWorkload, { id });
      const told = await following;
      assert.deepEqual(
        told.map((event) => event.id),
        (await events(bench, { id })).map((event) => event.id).toReversed(),
      );
      assert.deepEqual([told[0]?.reason, told.at(-1)?.reason], ['launched', 'settled']);
    });

    test('logs of all regions come in order of time; one replica can be picked; a silent region says so', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench);
      await inState(bench, id, 'running');
      const [ra, rb] = [bench.a.replicas()[0]!.id, bench.b.replicas()[0]!.id];
      const line = (replica: string, region: string, at: number) => ({
        replica,
        region,
        at,
        stream: 'stdout' as const,
        text: `${at}`,
      });
      bench.a.lines = [line(ra, 'local-a', 1), line(ra, 'local-a', 4)];
      bench.b.lines = [line(rb, 'local-b', 2), line(rb, 'local-b', 3)];
      const texts = async (input: object) =>
        (await linesOf(await bench.open(readLogs, { workload: id, ...input }))).map(({ text }) => text);
      assert.deepEqual(await texts({}), ['1', '2', '3', '4']);
      assert.deepEqual(await texts({ follow: true }), ['1', '2', '3', '4']);
      assert.deepEqual(await texts({ replica: rb }), ['2', '3']);
      const unknown = await bench.open(readLogs, { workload: id, replica: 'nope' });
      assert.equal(unknown.status, 404);
      bench.b.cutOff();
      assert.match(
        (await texts({})).join(),
        /^1,4,\[ecolink\] the logs of local-b cannot be read: connection refused$/,
      );
    });

    test('a change of state is in the audit log with who asked', async () => {
      await using bench = await openWorkloadBench(dialect);
      const { id } = await launch(bench, ONE);
      await verb(bench, stopWorkload, { id });
      const rows = await bench.context.db
        .selectFrom('audit_log')
        .selectAll()
        .where('target', '=', String(id))
        .orderBy('id')
        .execute();
      assert.deepEqual(
        rows.map(({ action, actor }) => [action, actor]),
        [
          ['workload.launch', bench.keyId],
          ['workload.stop', bench.keyId],
        ],
      );
    });

    test('an orphan is ended after its grace, what has a row never', async () => {
      await using bench = await openWorkloadBench(dialect, { reconciles: false });
      const { id } = await launch(bench, ONE);
      const { uid } = await bench.context.db.selectFrom('workloads').select('uid').executeTakeFirstOrThrow();
      bench.a.addOrphan({ workload_id: id, uid: 'copied-database' });
      bench.a.addOrphan({ workload_id: id, uid });
      const orphans: Orphans = new Map();
      assert.equal(await sweepRegion(bench.context, bench.a, orphans), 0);
      bench.forward(ORPHAN_GRACE_MS - 1_000);
      assert.equal(await sweepRegion(bench.context, bench.a, orphans), 0);
      bench.forward(2_000);
      assert.equal(await sweepRegion(bench.context, bench.a, orphans), 1);
      assert.deepEqual(bench.a.destroyed, ['copied-database']);
    });
  });
}
