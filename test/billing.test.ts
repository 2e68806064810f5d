import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { SYSTEM } from '../server/accounts/audit-log.ts';
import { creditOnce } from '../server/billing/credit.ts';
import { adjustHold, findOpenHold, openHold, renewHold, settleHold, startHoldClock } from '../server/billing/holds.ts';
import { closeInterval, findBurnRate, openInterval } from '../server/billing/intervals.ts';
import { settleUsage } from '../server/billing/settle.ts';
import { getBalanceOf } from '../server/billing/store.ts';
import { openWallets } from '../server/billing/wallets.ts';
import { startChanges } from '../server/db/changes.ts';
import type { Db } from '../server/db/open.ts';
import type { UsageRecordRow } from '../server/db/schema.ts';
import { newId } from '../server/new-id.ts';
import { DOLLAR, HOUR_MS, insertAccount, insertKey, insertWorkload, usageRecord } from './billing-rows.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';

const START = Date.UTC(2026, 5, 1, 12);

const credit = (db: Db, account_id: string, dollars: bigint, reference?: string) =>
  db.transaction().execute((trx) =>
    creditOnce(trx, {
      account_id,
      amount_nanos: dollars * DOLLAR,
      kind: 'topup',
      description: 'Credit',
      reference,
      actor: SYSTEM,
      now: START,
    }),
  );

async function openTenant(db: Db, dollars: bigint) {
  const account_id = await insertAccount(db);
  const workload_id = await insertWorkload(db, account_id);
  if (dollars > 0n) await credit(db, account_id, dollars);
  const of = { account_id, workload_id, now: START, description: 'my-llama' };
  return {
    account_id,
    workload_id,
    of,
    hold: (amount: bigint) =>
      db.transaction().execute((trx) => openHold(trx, { ...of, amount_nanos: amount * DOLLAR })),
    settle: (now: number) => db.transaction().execute((trx) => settleHold(trx, { ...of, now })),
    renew: (full: bigint, now: number) =>
      db.transaction().execute((trx) => renewHold(trx, { ...of, now, full_nanos: full * DOLLAR })),
    async start(at = START, gpus = 1) {
      const replica_id = newId('rep');
      const interval = { replica_id, account_id, workload_id, region: 'local-a', gpu: 'h100', gpus, started_at: at };
      await openInterval(db, { ...interval, price_nanos: 3n * DOLLAR });
      return replica_id;
    },
    async dollars() {
      const { available_nanos, held_nanos } = await getBalanceOf(db, account_id);
      return [available_nanos, held_nanos].map((nanos) => Number(nanos) / Number(DOLLAR));
    },
  };
}

/** Until the other transaction has begun and is held up by this one; SQLite lets them in one by one. */
async function someoneWaitsForLock(db: Db): Promise<void> {
  const deadline = Date.now() + 5_000;
  const waiting = sql<{ count: number }>`select count(*) as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  while (Date.now() < deadline) if (Number((await waiting.execute(db)).rows[0]?.count) > 0) return;
  throw new Error('nobody waited for a lock');
}

const transfersOf = (db: Db, account_id: string) =>
  db.selectFrom('transfers').selectAll().where('account_id', '=', account_id).orderBy('seq').execute();

for (const dialect of DIALECTS) {
  describe(`holds on ${dialect}`, () => {
    test('a launch that is too dear leaves nothing behind and says what is missing', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 10n);

      await assert.rejects(tenant.hold(24n), {
        code: 'insufficient_balance',
        status: 402,
        message: /\$24\.00 aside.*\$10\.00 is available.*Add \$14\.00/,
      });

      assert.deepEqual(await tenant.dollars(), [10, 0]);
      assert.equal(await findOpenHold(db, tenant.workload_id), undefined);
    });

    test('of many launches at once as many are held as the balance covers', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 50n);
      const workloads = await Promise.all(Array.from({ length: 8 }, () => insertWorkload(db, tenant.account_id)));

      const outcomes = await Promise.allSettled(
        workloads.map((workload_id) =>
          db.transaction().execute((trx) => openHold(trx, { ...tenant.of, workload_id, amount_nanos: 20n * DOLLAR })),
        ),
      );

      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
      assert.deepEqual(await tenant.dollars(), [10, 40]);
    });

    test('a workload has one open hold', async () => {
      await using database = await openTestDatabase(dialect);
      const tenant = await openTenant(database.db, 50n);
      await tenant.hold(20n);
      await assert.rejects(tenant.hold(1n), { code: 'conflict' });
      assert.deepEqual(await tenant.dollars(), [30, 20]);
    });

    test('stopping charges the time used and gives the rest back', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 100n);
      await tenant.hold(72n);
      const replica_id = await tenant.start(START, 2);
      await closeInterval(db, { replica_id, ended_at: START + HOUR_MS / 2 });

      const settled = await tenant.settle(START + HOUR_MS);

      assert.deepEqual(settled, { used_nanos: 3n * DOLLAR, released_nanos: 69n * DOLLAR });
      assert.deepEqual(await tenant.dollars(), [97, 0]);
      const moved = (await transfersOf(db, tenant.account_id)).map((row) => [
        row.kind,
        row.available_after_nanos / DOLLAR,
      ]);
      assert.deepEqual(moved, [
        ['topup', 100n],
        ['hold', 28n],
        ['gpu_usage', 28n],
        ['hold_release', 97n],
      ]);
    });

    test('time beyond the hold is charged to the balance, even into debt', async () => {
      await using database = await openTestDatabase(dialect);
      const tenant = await openTenant(database.db, 4n);
      await tenant.hold(3n);
      await tenant.start();
      await tenant.settle(START + 2 * HOUR_MS);
      assert.deepEqual(await tenant.dollars(), [-2, 0]);
      await assert.rejects(tenant.hold(1n), { code: 'insufficient_balance' });
    });

    test('a replica that still runs is charged to now, and from there on the next time', async () => {
      await using database = await openTestDatabase(dialect);
      const tenant = await openTenant(database.db, 100n);
      await tenant.hold(72n);
      await tenant.start();
      assert.equal((await tenant.settle(START + HOUR_MS)).used_nanos, 3n * DOLLAR);
      assert.equal((await tenant.settle(START + HOUR_MS)).used_nanos, 0n);
      assert.equal((await tenant.settle(START + 3 * HOUR_MS)).used_nanos, 6n * DOLLAR);
    });

    test('a clock that went back charges nothing twice', async () => {
      await using database = await openTestDatabase(dialect);
      const tenant = await openTenant(database.db, 100n);
      await tenant.start();
      await tenant.settle(START + HOUR_MS);
      assert.equal((await tenant.settle(START + HOUR_MS / 2)).used_nanos, 0n);
    });

    test('an end learned late gives back what was charged after it', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 100n);
      const replica_id = await tenant.start();
      await tenant.settle(START + 2 * HOUR_MS);
      await closeInterval(db, { replica_id, ended_at: START + HOUR_MS });

      const settled = await tenant.settle(START + 3 * HOUR_MS);

      assert.equal(settled.used_nanos, -3n * DOLLAR);
      assert.deepEqual(await tenant.dollars(), [97, 0]);
      assert.equal((await transfersOf(db, tenant.account_id)).at(-1)?.kind, 'refund');
    });

    for (const hold of [72n, 0n])
      test(`of several settlements at once one charges, with ${hold > 0n ? 'a' : 'no'} hold`, async () => {
        await using database = await openTestDatabase(dialect);
        const tenant = await openTenant(database.db, 100n);
        if (hold > 0n) await tenant.hold(hold);
        await tenant.start();
        await tenant.start();

        const settled = await Promise.all(Array.from({ length: 6 }, () => tenant.settle(START + HOUR_MS)));

        const used = settled.reduce((sum, each) => sum + each.used_nanos, 0n);
        assert.equal(used, 6n * DOLLAR);
        assert.deepEqual(await tenant.dollars(), [94, 0]);
      });

    test('a stop that meets a renewal settles the new hold, too', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 100n);
      await tenant.hold(20n);

      const stop = await db.transaction().execute(async (trx) => {
        await renewHold(trx, { ...tenant.of, full_nanos: 20n * DOLLAR });
        const settling = tenant.settle(START + HOUR_MS);
        if (dialect === 'postgres') await someoneWaitsForLock(db);
        return { settling };
      });
      await stop.settling;

      assert.equal(await findOpenHold(db, tenant.workload_id), undefined);
      assert.deepEqual(await tenant.dollars(), [100, 0]);
    });

    test('a renewal holds a full day, then what is left, then nothing', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 120n);
      await tenant.hold(72n);
      await tenant.start();
      const day = 24 * HOUR_MS;

      assert.equal(await tenant.renew(40n, START + day), 'renewed');
      assert.deepEqual(await tenant.dollars(), [8, 40]);
      assert.equal((await findOpenHold(db, tenant.workload_id))?.covers_until, START + 2 * day);

      assert.equal(await tenant.renew(96n, START + day + 8 * HOUR_MS), 'partial');
      assert.deepEqual(await tenant.dollars(), [0, 24]);
      assert.equal((await findOpenHold(db, tenant.workload_id))?.covers_until, START + day + 14 * HOUR_MS);

      assert.equal(await tenant.renew(72n, START + day + 16 * HOUR_MS), 'depleted');
      assert.deepEqual(await tenant.dollars(), [0, 0]);
      assert.equal(await findOpenHold(db, tenant.workload_id), undefined);
    });

    test('an adjusted hold has the new amount in all, up or down, and never what is not there', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 50n);
      await tenant.hold(20n);
      const adjust = (dollars: bigint) =>
        db.transaction().execute((trx) => adjustHold(trx, { ...tenant.of, amount_nanos: dollars * DOLLAR }));

      await adjust(45n);
      assert.deepEqual(await tenant.dollars(), [5, 45]);
      await adjust(30n);
      await adjust(30n);
      assert.deepEqual(await tenant.dollars(), [20, 30]);
      await assert.rejects(adjust(51n), { code: 'insufficient_balance', message: /\$21\.00 aside/ });
      assert.deepEqual(await tenant.dollars(), [20, 30]);
    });

    test('an empty hold serves the operator’s own workloads', async () => {
      await using database = await openTestDatabase(dialect);
      const tenant = await openTenant(database.db, 0n);
      await tenant.hold(0n);
      assert.equal((await findOpenHold(database.db, tenant.workload_id))?.amount_nanos, 0n);
      assert.deepEqual(await tenant.settle(START), { used_nanos: 0n, released_nanos: 0n });
      assert.equal(await findOpenHold(database.db, tenant.workload_id), undefined);
    });

    test('the clock of a hold starts once', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const { workload_id, hold } = await openTenant(db, 50n);
      await hold(20n);
      await startHoldClock(db, { workload_id, covers_until: 1000 });
      await startHoldClock(db, { workload_id, covers_until: 2000 });
      assert.equal((await findOpenHold(db, workload_id))?.covers_until, 1000);
    });

    test('the burn rate is that of the GPUs in use', async () => {
      await using database = await openTestDatabase(dialect);
      const tenant = await openTenant(database.db, 0n);
      const [replica_id] = [await tenant.start(START, 2), await tenant.start(START, 4)];
      await closeInterval(database.db, { replica_id, ended_at: START + 1 });
      assert.equal(await findBurnRate(database.db, tenant.account_id), 12n * DOLLAR);
    });
  });

  describe(`usage on ${dialect}`, () => {
    async function openUsage(db: Db) {
      const account_id = await insertAccount(db);
      const key_id = await insertKey(db, account_id);
      const changes = startChanges(db, assert.ifError, 20);
      return {
        account_id,
        key_id,
        changes,
        settle: (records: Parameters<typeof settleUsage>[1]) => settleUsage({ db, changes }, records),
        [Symbol.asyncDispose]: () => changes[Symbol.asyncDispose](),
      };
    }
    const spentBy = async (db: Db, id: string) =>
      (await db.selectFrom('api_keys').select(['spent_nanos', 'changed_seq']).where('id', '=', id).execute())[0];

    test('what is reported again, in part or at once from several sides, is charged once', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using usage = await openUsage(db);
      const { account_id, key_id } = usage;
      const records = Array.from({ length: 250 }, () => usageRecord({ account_id, key_id, cost_nanos: 7n }));

      await usage.settle(records.slice(0, 30));
      await Promise.all([records, records.toReversed(), records.slice(20, 240), records].map(usage.settle));

      const rows = await db.selectFrom('usage_records').selectAll().execute();
      assert.equal(rows.length, 250);
      assert.ok(rows.every((row) => row.transfer_id !== null));
      assert.equal((await getBalanceOf(db, account_id)).available_nanos, -1750n);
      assert.equal((await spentBy(db, key_id))?.spent_nanos, 1750n);
    });

    test('one batch is one transfer for each account, and it knows its requests', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using usage = await openUsage(db);
      const other = await insertAccount(db);
      const accounts = [usage.account_id, other, usage.account_id, usage.account_id];
      const records = accounts.map((account_id, at) => usageRecord({ account_id, cost_nanos: BigInt(at + 1) }));

      await usage.settle([...records, records[0]!]);

      const [transfer, ...more] = await transfersOf(db, usage.account_id);
      assert.deepEqual([transfer?.amount_nanos, transfer?.description, more.length], [8n, '3 requests', 0]);
      const named = await db.selectFrom('usage_records').select('id').where('transfer_id', '=', transfer!.id).execute();
      const own = records.filter((record) => record.account_id === usage.account_id);
      assert.deepEqual(named.map((row) => row.id).toSorted(), own.map((row) => row.id).toSorted());
      assert.equal((await transfersOf(db, other)).length, 1);
    });

    test('requests that cost nothing are recorded without a transfer', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using usage = await openUsage(db);
      await usage.settle([usageRecord({ account_id: usage.account_id, workload_id: 142, cost_nanos: 0n })]);
      const [row] = await db.selectFrom('usage_records').selectAll().execute();
      assert.deepEqual([row?.cost_nanos, row?.transfer_id], [0n, null]);
      assert.deepEqual(await transfersOf(db, usage.account_id), []);
    });

    test('what a key with a spend cap has spent is announced to every server', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using usage = await openUsage(db);
      const { account_id } = usage;
      const capped = await insertKey(db, account_id, { spend_cap_nanos: DOLLAR });

      await usage.settle([usage.key_id, capped].map((key_id) => usageRecord({ account_id, key_id, cost_nanos: 9n })));

      const [open, announced] = [await spentBy(db, usage.key_id), await spentBy(db, capped)];
      assert.deepEqual([open?.spent_nanos, open?.changed_seq], [9n, 0]);
      assert.deepEqual([announced?.spent_nanos, announced?.changed_seq], [9n, 1]);
    });

    test('settling usage and changing keys and holds at once never deadlocks', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using usage = await openUsage(db);
      const { account_id } = usage;
      await credit(db, account_id, 1000n);
      const keys = await Promise.all(
        [null, DOLLAR, null, DOLLAR].map((spend_cap_nanos) => insertKey(db, account_id, { spend_cap_nanos })),
      );
      const workloads = await Promise.all(keys.map(() => insertWorkload(db, account_id)));
      const of = { account_id, description: 'race', now: START };
      for (const workload_id of workloads)
        await db.transaction().execute((trx) => openHold(trx, { ...of, workload_id, amount_nanos: DOLLAR }));

      await Promise.all(
        Array.from({ length: 12 }, async (_, at) => {
          const order = at % 2 === 0 ? keys : keys.toReversed();
          await usage.settle(order.map((key_id) => usageRecord({ account_id, key_id, cost_nanos: 1n })));
          const workload_id = workloads[at % workloads.length]!;
          await db.transaction().execute(async (trx) => {
            await settleHold(trx, { ...of, workload_id });
            await openHold(trx, { ...of, workload_id, amount_nanos: DOLLAR });
          });
        }),
      );

      const spent = await Promise.all(keys.map((key) => spentBy(db, key)));
      assert.deepEqual(
        spent.map((key) => key?.spent_nanos),
        [12n, 12n, 12n, 12n],
      );
      assert.equal((await getBalanceOf(db, account_id)).held_nanos, 4n * DOLLAR);
    });

    test('a batch that fails leaves nothing of itself', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using usage = await openUsage(db);
      const good = usageRecord({ account_id: usage.account_id, cost_nanos: 5n });
      await assert.rejects(usage.settle([good, usageRecord({ account_id: 'acc_unknown', cost_nanos: 5n })]));
      assert.deepEqual(await db.selectFrom('usage_records').selectAll().execute(), [] as UsageRecordRow[]);
      await usage.settle([good]);
      assert.equal((await getBalanceOf(db, usage.account_id)).available_nanos, -5n);
    });
  });

  describe(`credit and wallets on ${dialect}`, () => {
    test('the same reference credits once, also when it comes from several sides at once', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      const credits = await Promise.all(Array.from({ length: 5 }, () => credit(db, account_id, 20n, 'invoice-7')));
      assert.equal(new Set(credits.map((transfer) => transfer.id)).size, 1);
      assert.equal((await getBalanceOf(db, account_id)).available_nanos, 20n * DOLLAR);
      const audited = await db.selectFrom('audit_log').selectAll().where('action', '=', 'account.credit').execute();
      assert.equal(audited.length, 1);
    });

    test('a reference belongs to one account and one amount', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const [one, two] = [await insertAccount(db), await insertAccount(db)];
      await credit(db, one, 20n, 'invoice-7');
      await credit(db, two, 30n, 'invoice-7');
      await assert.rejects(credit(db, one, 21n, 'invoice-7'), { code: 'idempotency_mismatch', param: 'reference' });
      assert.equal((await getBalanceOf(db, one)).available_nanos, 20n * DOLLAR);
      assert.equal((await getBalanceOf(db, two)).available_nanos, 30n * DOLLAR);
    });

    test('an account that is not there is not found', async () => {
      await using database = await openTestDatabase(dialect);
      await assert.rejects(credit(database.db, 'acc_none', 1n), { code: 'not_found', param: 'account_id' });
    });

    test('wallets know what was there and hear what changes', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const tenant = await openTenant(db, 30n);
      await using changes = startChanges(db, assert.ifError, 20);
      const wallets = await openWallets({ db, changes });
      assert.equal(wallets.available(tenant.account_id), 30n * DOLLAR);
      assert.equal(wallets.available('acc_none'), 0n);

      await tenant.hold(10n);
      await changes.nudge('balances');
      assert.equal(wallets.available(tenant.account_id), 20n * DOLLAR);

      await settleUsage({ db, changes }, [usageRecord({ account_id: tenant.account_id, cost_nanos: 21n * DOLLAR })]);
      assert.equal(wallets.available(tenant.account_id), -1n * DOLLAR);
    });
  });
}
