import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SYSTEM } from '../server/accounts/audit-log.ts';
import { auditMoney } from '../server/billing/audit.ts';
import { creditOnce } from '../server/billing/credit.ts';
import { adjustHold, findOpenHold, openHold, renewHold, settleHold } from '../server/billing/holds.ts';
import { closeInterval, openInterval } from '../server/billing/intervals.ts';
import { planRenewal, planSettlement, postingOf } from '../server/billing/ledger.ts';
import { priceGpuTime } from '../server/billing/price.ts';
import { settleUsage } from '../server/billing/settle.ts';
import { getBalanceOf } from '../server/billing/store.ts';
import { type Changes, startChanges } from '../server/db/changes.ts';
import type { Db } from '../server/db/open.ts';
import { newId } from '../server/new-id.ts';
import { insertAccount, insertKey, insertWorkload, usageRecord } from './billing-rows.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';

const nanos = fc.bigInt({ min: 0n, max: 10n ** 15n });

test('money comes from the installation and goes to it, through what is available and what is held', () => {
  const path = (movement: Parameters<typeof postingOf>[0]) => {
    const { debit_account, credit_account, covered } = postingOf(movement, 'acc_1');
    return `${debit_account} → ${credit_account}${covered ? ', covered' : ''}`;
  };
  assert.equal(path('topup'), 'topups → available:acc_1');
  assert.equal(path('hold'), 'available:acc_1 → held:acc_1, covered');
  assert.equal(path('hold_release'), 'held:acc_1 → available:acc_1, covered');
  assert.equal(path('gpu_usage'), 'held:acc_1 → revenue, covered');
  assert.equal(path('gpu_usage_beyond'), 'available:acc_1 → revenue');
  assert.equal(path('api_usage'), 'available:acc_1 → revenue');
  assert.equal(path('refund'), 'revenue → available:acc_1');
});

test('a settlement empties the hold and charges what is owed, no more and no less', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), nanos, (owed_nanos, held_nanos) => {
      const moved = { gpu_usage: 0n, gpu_usage_beyond: 0n, refund: 0n, hold_release: 0n } as Record<string, bigint>;
      for (const { movement, amount_nanos } of planSettlement({ owed_nanos, held_nanos })) {
        assert.ok(amount_nanos > 0n);
        moved[movement] = amount_nanos;
      }
      assert.equal(moved.gpu_usage! + moved.hold_release!, held_nanos);
      assert.equal(moved.gpu_usage! + moved.gpu_usage_beyond! - moved.refund!, owed_nanos);
      assert.ok(moved.gpu_usage_beyond === 0n || moved.hold_release === 0n, 'the hold pays first');
    }),
  );
});

test('a renewal holds all, all that is left, or nothing', () => {
  assert.deepEqual(planRenewal({ available_nanos: 10n, full_nanos: 10n }), { outcome: 'renewed', amount_nanos: 10n });
  assert.deepEqual(planRenewal({ available_nanos: 9n, full_nanos: 10n }), { outcome: 'partial', amount_nanos: 9n });
  assert.deepEqual(planRenewal({ available_nanos: 0n, full_nanos: 10n }), { outcome: 'depleted', amount_nanos: 0n });
  assert.deepEqual(planRenewal({ available_nanos: -3n, full_nanos: 10n }), { outcome: 'depleted', amount_nanos: 0n });
  assert.deepEqual(planRenewal({ available_nanos: -3n, full_nanos: 0n }), { outcome: 'renewed', amount_nanos: 0n });
});

type Step =
  | { type: 'credit'; reference: number; amount_nanos: bigint }
  | { type: 'open' | 'adjust' | 'renew'; amount_nanos: bigint }
  | { type: 'settle' }
  | { type: 'start'; gpus: number; price_nanos: bigint }
  | { type: 'end'; late: number }
  | { type: 'pass'; ms: number }
  | { type: 'usage'; costs: bigint[]; replayed: number };

const HOLD_NANOS_MAX = 60_000_000_000n;
const holdAmount = fc.bigInt({ min: 0n, max: HOLD_NANOS_MAX });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant('credit' as const),
      reference: fc.integer({ min: 0, max: 5 }),
      amount_nanos: fc.bigInt({ min: 1n, max: 100_000_000_000n }),
    }),
    fc.record({
      type: fc.constantFrom('open' as const, 'adjust' as const, 'renew' as const),
      amount_nanos: holdAmount,
    }),
    fc.record({ type: fc.constant('settle' as const) }),
    fc.record({
      type: fc.constant('start' as const),
      gpus: fc.integer({ min: 1, max: 16 }),
      price_nanos: fc.bigInt({ min: 10_000_000n, max: 9_999_999_999n }),
    }),
    fc.record({ type: fc.constant('end' as const), late: fc.integer({ min: 0, max: 100_000 }) }),
    fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 4_000_000 }) }),
    fc.record({
      type: fc.constant('usage' as const),
      costs: fc.array(fc.bigInt({ min: 0n, max: 2_000_000_000n }), { minLength: 1, maxLength: 5 }),
      replayed: fc.integer({ min: 0, max: 3 }),
    }),
  ),
  { minLength: 5, maxLength: 30 },
);

/** One tenant, one workload and what should have become of its money, reckoned apart from the server's code. */
class Tenant {
  readonly #db: Db;
  readonly #changes: Changes;
  readonly #account_id: string;
  readonly #workload_id: number;
  readonly #key_id: string;
  #now = Date.now();
  #live: { replica_id: string; started_at: number; gpus: number; price_nanos: bigint }[] = [];
  readonly #intervals: { replica_id: string; ms: number; gpus: number; price_nanos: bigint }[] = [];
  readonly #credited = new Map<number, bigint>();
  readonly #reported: ReturnType<typeof usageRecord>[] = [];
  #settlements = 0n;

  private constructor(db: Db, changes: Changes, ids: { account_id: string; workload_id: number; key_id: string }) {
    this.#db = db;
    this.#changes = changes;
    this.#account_id = ids.account_id;
    this.#workload_id = ids.workload_id;
    this.#key_id = ids.key_id;
  }

  static async open(db: Db, changes: Changes): Promise<Tenant> {
    const account_id = await insertAccount(db);
    const key_id = await insertKey(db, account_id);
    return new Tenant(db, changes, { account_id, key_id, workload_id: await insertWorkload(db, account_id) });
  }

  async take(step: Step): Promise<void> {
    const of = { account_id: this.#account_id, workload_id: this.#workload_id, now: this.#now, description: 'test' };
    const trx = <T>(work: (trx: Db) => Promise<T>) => this.#db.transaction().execute(work);
    switch (step.type) {
      case 'pass':
        this.#now += step.ms;
        return;
      case 'credit': {
        const first = this.#credited.get(step.reference) ?? step.amount_nanos;
        this.#credited.set(step.reference, first);
        const credit = { ...of, kind: 'topup', actor: SYSTEM, reference: `ref-${step.reference}` } as const;
        await trx((trx) => creditOnce(trx, { ...credit, amount_nanos: first }));
        return;
      }
      case 'open':
      case 'adjust': {
        const [change, isOpen] = [step.type === 'open' ? openHold : adjustHold, await this.#hold()];
        const { available_nanos } = await getBalanceOf(this.#db, this.#account_id);
        const more = step.type === 'open' ? step.amount_nanos : step.amount_nanos - (isOpen?.amount_nanos ?? 0n);
        const refusal = trx((trx) => change(trx, { ...of, amount_nanos: step.amount_nanos }));
        if ((step.type === 'open') === (isOpen !== undefined)) return assert.rejects(refusal, { code: 'conflict' });
        if (more > 0n && more > available_nanos) return assert.rejects(refusal, { code: 'insufficient_balance' });
        await refusal;
        assert.equal((await this.#hold())?.amount_nanos, step.amount_nanos);
        return;
      }
      case 'renew': {
        const outcome = await trx((trx) => renewHold(trx, { ...of, full_nanos: step.amount_nanos }));
        this.#settlements++;
        const hold = await this.#hold();
        if (outcome === 'renewed') assert.equal(hold?.amount_nanos, step.amount_nanos);
        else assert.ok((await getBalanceOf(this.#db, this.#account_id)).available_nanos <= 0n, 'nothing is left over');
        assert.equal(hold === undefined, outcome === 'depleted');
        return;
      }
      case 'settle': {
        await trx((trx) => settleHold(trx, of));
        this.#settlements++;
        const again = await trx((trx) => settleHold(trx, of));
        assert.deepEqual(again, { used_nanos: 0n, released_nanos: 0n });
        return;
      }
      case 'start': {
        const replica = {
          replica_id: newId('rep'),
          gpus: step.gpus,
          price_nanos: step.price_nanos,
          started_at: this.#now,
        };
        this.#live.push(replica);
        const interval = { ...replica, account_id: of.account_id, workload_id: of.workload_id, region: 'a', gpu: 'l4' };
        await openInterval(this.#db, interval);
        await openInterval(this.#db, { ...interval, started_at: this.#now + 5 });
        return;
      }
      case 'end': {
        const replica = this.#live.shift();
        if (!replica) return;
        const ended_at = Math.max(replica.started_at, this.#now - step.late);
        await closeInterval(this.#db, { replica_id: replica.replica_id, ended_at: this.#now - step.late });
        await closeInterval(this.#db, { replica_id: replica.replica_id, ended_at: this.#now + 99_999 });
        this.#intervals.push({ ...replica, ms: ended_at - replica.started_at });
        return;
      }
      case 'usage': {
        const records = step.costs.map((cost_nanos) =>
          usageRecord({ account_id: this.#account_id, key_id: this.#key_id, cost_nanos }),
        );
        const replayed = this.#reported.slice(0, step.replayed);
        this.#reported.push(...records);
        await settleUsage({ db: this.#db, changes: this.#changes }, [...replayed, ...records]);
      }
    }
  }

  /** Ends everything and compares what is left with what should be. */
  async finish(): Promise<void> {
    while (this.#live.length > 0) await this.take({ type: 'end', late: 0 });
    await this.take({ type: 'settle' });
    const credited = [...this.#credited.values()].reduce((sum, amount) => sum + amount, 0n);
    const requests = this.#reported.reduce((sum, record) => sum + record.cost_nanos, 0n);
    const left = credited - requests - priceGpuTime(this.#intervals);

    const { available_nanos, held_nanos } = await getBalanceOf(this.#db, this.#account_id);

    assert.equal(held_nanos, 0n);
    const rounding = available_nanos > left ? available_nanos - left : left - available_nanos;
    assert.ok(rounding <= this.#settlements / 2n, `${available_nanos} is left, ${left} should be`);
  }

  #hold() {
    return findOpenHold(this.#db, this.#workload_id);
  }
}

const RUNS = { sqlite: 60, postgres: 25 };

for (const dialect of DIALECTS) {
  describe(`the ledger on ${dialect}`, () => {
    test('whatever happens in whatever order: the audit is clean and no nano-dollar is lost', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using changes = startChanges(db, assert.ifError);
      await fc.assert(
        fc.asyncProperty(steps, async (taken) => {
          const tenant = await Tenant.open(db, changes);
          for (const step of taken) await tenant.take(step);
          assert.deepEqual((await auditMoney(db)).findings, []);
          await tenant.finish();
          assert.deepEqual((await auditMoney(db)).findings, []);
        }),
        { numRuns: RUNS[dialect] },
      );
    });
  });
}
