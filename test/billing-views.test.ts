import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Hono } from 'hono';
import {
  type Audit,
  type Balance,
  type Credit,
  EcoError,
  type ErrorBody,
  type PageOf,
  type Transaction,
  type UsageRow,
} from '../sdk/contract/index.ts';
import { SYSTEM } from '../server/accounts/audit-log.ts';
import { openKeyring } from '../server/accounts/keyring.ts';
import { openAccount } from '../server/accounts/open-account.ts';
import { auditMoney } from '../server/billing/audit.ts';
import { openHold, settleHold } from '../server/billing/holds.ts';
import { closeInterval, openInterval } from '../server/billing/intervals.ts';
import { billingRoutes } from '../server/billing/routes.ts';
import { settleUsage } from '../server/billing/settle.ts';
import type { Context } from '../server/context.ts';
import { startChanges } from '../server/db/changes.ts';
import type { Db } from '../server/db/open.ts';
import { openLog } from '../server/log.ts';
import { newId } from '../server/new-id.ts';
import type { App, Variables } from '../server/route.ts';
import { openSecrets } from '../server/secrets.ts';
import { DOLLAR, HOUR_MS, insertKey, insertWorkload, usageRecord } from './billing-rows.ts';
import { DIALECTS, type Dialect, openTestDatabase } from './databases.ts';

const DAY_MS = 24 * HOUR_MS;

/** The billing endpoints alone, with an account and both kinds of key. */
async function openBilling(dialect: Dialect) {
  const database = await openTestDatabase(dialect);
  const { db } = database;
  const directory = mkdtempSync(join(tmpdir(), 'eco-billing-'));
  const changes = startChanges(db, assert.ifError, 20);
  const secrets = openSecrets(join(directory, 'secrets.json'), {});
  const clock = Date.now;
  const keyring = await openKeyring({ db, changes, hashKey: secrets.hashKey, clock });
  const app: App = new Hono<{ Variables: Variables }>();
  app.onError((error, c) => {
    if (!(error instanceof EcoError)) throw error;
    return c.json(error.toBody(), error.status as 400);
  });
  billingRoutes(app, { db, changes, secrets, clock, keyring, serverId: 'srv_1', log: openLog('silent') } as Context);

  const open = async (name: string) => {
    const { account, secret } = await openAccount({ db, changes, secrets, clock }, { name, actor: SYSTEM });
    return { account_id: account.id, secret };
  };
  const send = async <T>(method: string, path: string, key: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await app.request(path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T & Partial<ErrorBody>;
    return { status: response.status, body: answer, param: answer.error?.param };
  };
  const tenant = await open('one');
  const admin = String(secrets.newAdminKey);
  return {
    ...tenant,
    db,
    changes,
    open,
    get: <T>(path: string) => send<T>('GET', path, tenant.secret),
    credit: (account_id: string, body: unknown, key = admin) =>
      send<Credit>('POST', `/admin/accounts/${account_id}/credit`, key, body),
    audit: () => send<Audit>('GET', '/admin/audit', admin),
    async [Symbol.asyncDispose]() {
      await changes[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function readPages<T>(get: <T>(path: string) => Promise<{ body: T }>, path: string): Promise<T[]> {
  const rows: T[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const { body }: { body: PageOf<T> } = await get<PageOf<T>>(
      `${path}${next && `&after=${encodeURIComponent(next)}`}`,
    );
    rows.push(...body.data);
    next = body.next;
  }
  return rows;
}

for (const dialect of DIALECTS) {
  describe(`billing endpoints on ${dialect}`, () => {
    test('a credit shows in the balance and among the transactions, once for each reference', async () => {
      await using billing = await openBilling(dialect);
      const payment = { amount: '25.50', reference: 'invoice-7', description: 'Invoice 7' };

      const first = await billing.credit(billing.account_id, payment);
      const again = await billing.credit(billing.account_id, payment);

      assert.equal(first.status, 200);
      assert.deepEqual(again.body, first.body);
      assert.deepEqual(first.body, {
        object: 'credit',
        transaction_id: first.body.transaction_id,
        account_id: billing.account_id,
        amount: '25.50',
        available: '25.50',
      });
      const { body: balance } = await billing.get<Balance>('/billing/balance');
      assert.deepEqual(balance, { object: 'balance', available: '25.50', held: '0.00', burn_rate_per_hour: '0.00' });
      const { body: list } = await billing.get<PageOf<Transaction>>('/billing/transactions');
      assert.deepEqual(
        list.data.map((row) => [row.kind, row.amount, row.available_after, row.reference, row.description]),
        [['topup', '25.50', '25.50', 'invoice-7', 'Invoice 7']],
      );
    });

    test('a credit is refused where account, amount or key is wrong', async () => {
      await using billing = await openBilling(dialect);
      for (const [account, body, status, param] of [
        ['acc_none', { amount: '1' }, 404, 'account_id'],
        [billing.account_id, { amount: '0' }, 400, 'amount'],
        [billing.account_id, { amount: '-5' }, 400, 'amount'],
        [billing.account_id, { amount: '1e3' }, 400, 'amount'],
        [billing.account_id, { amount: '9999999999' }, 400, 'amount'],
        [billing.account_id, { amount: '1', kind: 'refund' }, 400, 'kind'],
      ] as const) {
        const answer = await billing.credit(account, body);
        assert.deepEqual([answer.status, answer.param], [status, param], JSON.stringify(body));
      }
      assert.equal((await billing.credit(billing.account_id, { amount: '1' }, billing.secret)).status, 403);
      assert.equal((await billing.get<Balance>('/billing/balance')).body.available, '0.00');
    });

    test('transactions read page by page are all of them, newest first, with the balance after each', async () => {
      await using billing = await openBilling(dialect);
      for (let dollars = 1; dollars <= 7; dollars++) await billing.credit(billing.account_id, { amount: `${dollars}` });
      const other = await billing.open('two');
      await billing.credit(other.account_id, { amount: '99' });

      const rows = await readPages<Transaction>(billing.get, '/billing/transactions?limit=3');

      assert.deepEqual(
        rows.map((row) => row.amount),
        ['7.00', '6.00', '5.00', '4.00', '3.00', '2.00', '1.00'],
      );
      assert.deepEqual(
        rows.map((row) => row.available_after),
        ['28.00', '21.00', '15.00', '10.00', '6.00', '3.00', '1.00'],
      );
      assert.deepEqual((await billing.get<PageOf<Transaction>>('/billing/transactions?kind=hold')).body.data, []);
      assert.equal((await billing.get('/billing/transactions?after=x')).param, 'after');
    });

    test('what a hold pays leaves the balance as it is', async () => {
      await using billing = await openBilling(dialect);
      const { db, account_id } = billing;
      await billing.credit(account_id, { amount: '100' });
      const workload_id = await insertWorkload(db, account_id);
      const now = Date.now();
      const of = { account_id, workload_id, description: 'my-llama', now };
      const interval = { workload_id, account_id, region: 'local-a', gpu: 'h100', started_at: now - HOUR_MS };
      await openInterval(db, { ...interval, replica_id: 'rep_1', gpus: 2, price_nanos: 3n * DOLLAR });
      await db.transaction().execute((trx) => openHold(trx, { ...of, amount_nanos: 40n * DOLLAR }));

      const { body: balance } = await billing.get<Balance>('/billing/balance');
      assert.deepEqual([balance.available, balance.held, balance.burn_rate_per_hour], ['60.00', '40.00', '6.00']);
      await db.transaction().execute((trx) => settleHold(trx, of));

      const { body: list } = await billing.get<PageOf<Transaction>>('/billing/transactions?limit=3');
      assert.deepEqual(
        list.data.map((row) => [row.kind, row.amount, row.available_after, row.reference]),
        [
          ['hold_release', '34.00', '94.00', String(workload_id)],
          ['gpu_usage', '-6.00', '60.00', String(workload_id)],
          ['hold', '-40.00', '60.00', String(workload_id)],
        ],
      );
    });
  });

  describe(`usage views on ${dialect}`, () => {
    async function openUsage() {
      const billing = await openBilling(dialect);
      const { account_id } = billing;
      const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
      const records = [
        { model: 'qwen3-8b', key_id: 'key_a', started_at: today - DAY_MS + 5 },
        { model: 'qwen3-8b', key_id: 'key_a', started_at: today - DAY_MS + 10 },
        { model: 'qwen3-8b', key_id: 'key_b', started_at: today - 2 * DAY_MS, estimated: 1 },
        { model: 'my-llama:142', key_id: 'key_b', started_at: today - DAY_MS, workload_id: 142, cost_nanos: 0n },
        { model: 'glm-4', key_id: 'key_a', started_at: today - 40 * DAY_MS },
      ].map((record) => usageRecord({ account_id, ...record }));
      const { account_id: stranger } = await billing.open('two');
      const foreign = usageRecord({ account_id: stranger, started_at: today - DAY_MS });
      await settleUsage(billing, [...records, foreign]);
      const day = (ago: number) => new Date(today - ago * DAY_MS).toISOString().slice(0, 10);
      const report = (query: string) => readPages<UsageRow>(billing.get, `/billing/usage?limit=1&${query}`);
      return { billing, records, today, day, report };
    }
    const sums = (rows: UsageRow[]) => rows.map((row) => [row.group, row.requests, row.output_tokens, row.cost]);

    test('usage is summed by day, model, key and workload, for the last 30 days', async () => {
      const { billing, report, day } = await openUsage();
      await using _ = billing;
      assert.deepEqual(sums(await report('group_by=day')), [
        [day(1), 3, 60, '0.00000001'],
        [day(2), 1, 20, '0.000000005'],
      ]);
      assert.deepEqual(sums(await report('group_by=model')), [
        ['qwen3-8b', 3, 60, '0.000000015'],
        ['my-llama:142', 1, 20, '0.00'],
      ]);
      assert.deepEqual(sums(await report('group_by=key')), [
        ['key_a', 2, 40, '0.00000001'],
        ['key_b', 2, 40, '0.000000005'],
      ]);
      const [workload, ...more] = await report('group_by=workload');
      assert.deepEqual([workload?.group, workload?.workload_id, workload?.cost, more.length], ['142', 142, '0.00', 0]);
      assert.deepEqual(
        (await report('group_by=model')).map((row) => row.estimated),
        [true, false],
      );
    });

    test('requests come one by one, newest first', async () => {
      const { billing, report, records } = await openUsage();
      await using _ = billing;
      const rows = await report('group_by=request');
      const newest = records.slice(0, 4).toSorted((a, b) => b.started_at - a.started_at);
      assert.deepEqual(
        rows.map((row) => [row.group, row.started_at]),
        newest.map((row) => [row.id, row.started_at]),
      );
      assert.deepEqual([rows[0]?.status, rows[0]?.region, rows[0]?.cached_input_tokens], ['completed', 'local-a', 4]);
    });

    test('a span takes what began in it, its end left out', async () => {
      const { billing, report, today } = await openUsage();
      await using _ = billing;
      const span = (since: number, until: number) => report(`group_by=request&since=${since}&until=${until}`);
      assert.equal((await span(today - DAY_MS, today - DAY_MS + 10)).length, 2);
      assert.equal((await span(0, Number.MAX_SAFE_INTEGER)).length, 5);
      assert.equal((await span(today, today - DAY_MS)).length, 0);
    });

    test('what is no cursor is refused by name', async () => {
      await using billing = await openBilling(dialect);
      for (const group of ['request', 'day', 'model', 'workload']) {
        const { status, param } = await billing.get(`/billing/usage?group_by=${group}&after=x%2Fy`);
        assert.deepEqual([status, param], [400, 'after'], group);
      }
    });
  });

  describe(`audit on ${dialect}`, () => {
    async function openBooks() {
      const billing = await openBilling(dialect);
      const { db, account_id } = billing;
      const now = Date.now();
      await billing.credit(account_id, { amount: '100' });
      const key_id = await insertKey(db, account_id);
      await settleUsage(
        billing,
        [1n, 2n].map((cost_nanos) => usageRecord({ account_id, key_id, cost_nanos })),
      );
      const [settled, running] = [await insertWorkload(db, account_id), await insertWorkload(db, account_id)];
      for (const workload_id of [settled, running]) {
        const of = { account_id, workload_id, description: 'my-llama', now };
        const interval = { workload_id, account_id, region: 'local-a', gpu: 'h100', started_at: now - HOUR_MS };
        const replica_id = newId('rep');
        await openInterval(db, { ...interval, replica_id, gpus: 1, price_nanos: DOLLAR });
        await db.transaction().execute((trx) => openHold(trx, { ...of, amount_nanos: 10n * DOLLAR }));
        if (workload_id === running) continue;
        await closeInterval(db, { replica_id, ended_at: now });
        await db.transaction().execute((trx) => settleHold(trx, of));
      }
      return { billing, db, running };
    }
    const checksOf = ({ findings }: Audit) => [...new Set(findings.map((finding) => finding.check))].toSorted();

    test('finds nothing in true books and says what it compared', async () => {
      const { billing } = await openBooks();
      await using _ = billing;
      const { body } = await billing.audit();
      assert.deepEqual([body.clean, body.findings], [true, []]);
      assert.deepEqual(body.checked, {
        balance: 4,
        ledger_sum: 4,
        available_after: 6,
        held: 1,
        stale_hold: 0,
        interval: 1,
        usage_charge: 1,
        usage_record: 2,
        key_spent: 2,
        gpu_charge: 2,
      });
    });

    const nothing = { amount_nanos: 0n };
    for (const [what, damage, checks] of [
      [
        'a balance that is off',
        (db) => db.updateTable('balances').set({ amount_nanos: 1n }).where('ledger_account', '=', 'revenue'),
        ['balance', 'ledger_sum'],
      ],
      [
        'a transfer that is gone',
        (db) => db.deleteFrom('transfers').where('kind', '=', 'topup'),
        ['available_after', 'balance'],
      ],
      [
        'a wrong balance after',
        (db) => db.updateTable('transfers').set({ available_after_nanos: 7n }).where('kind', '=', 'gpu_usage'),
        ['available_after'],
      ],
      [
        'a hold that differs from what is held',
        (db) => db.updateTable('holds').set(nothing).where('status', '=', 'open'),
        ['held'],
      ],
      [
        'a request that was lost',
        (db) => db.deleteFrom('usage_records').where('cost_nanos', '=', 1n),
        ['key_spent', 'usage_charge'],
      ],
      [
        'a request that was not charged',
        (db) => db.updateTable('usage_records').set({ transfer_id: null }).where('cost_nanos', '=', 1n),
        ['usage_charge', 'usage_record'],
      ],
      [
        'a key that spent something else',
        (db) => db.updateTable('api_keys').set({ spent_nanos: 9n }).where('name', '=', 'test'),
        ['key_spent'],
      ],
      [
        'GPU time that was not charged',
        (db) =>
          db
            .updateTable('replica_intervals')
            .set((eb) => ({ charged_until: eb('charged_until', '+', 1) }))
            .where('ended_at', 'is not', null),
        ['gpu_charge'],
      ],
    ] satisfies [string, (db: Db) => { execute(): Promise<unknown> }, string[]][]) {
      test(`finds ${what}`, async () => {
        const { billing, db } = await openBooks();
        await using _ = billing;
        await damage(db).execute();
        const audit = await auditMoney(db);
        assert.equal(audit.clean, false);
        assert.deepEqual(checksOf(audit), checks);
      });
    }

    test('finds money and GPUs of a workload that ended a while ago', async () => {
      const { billing, db, running } = await openBooks();
      await using _ = billing;
      const end = (state: string, since: number) =>
        db.updateTable('workloads').set({ state, since }).where('id', '=', running).execute();

      await end('stopped', Date.now());
      assert.deepEqual(checksOf(await auditMoney(db)), [], 'it may still be settled');
      await end('failed', Date.now() - HOUR_MS);
      assert.deepEqual(checksOf(await auditMoney(db)), ['interval'], 'a replica that lives keeps the hold');
      await db.updateTable('replica_intervals').set({ ended_at: Date.now() }).where('ended_at', 'is', null).execute();
      assert.deepEqual(checksOf(await auditMoney(db)), ['interval', 'stale_hold']);
    });
  });
}
