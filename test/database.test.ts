import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextChange, startChanges } from '../server/db/changes.ts';
import { openDatabase } from '../server/db/open.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';

for (const dialect of DIALECTS) {
  describe(`database on ${dialect}`, () => {
    test('money is a bigint, every other integer a number', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await db
        .insertInto('accounts')
        .values({ id: 'acc_1', name: 'one', is_system: 0, created_at: 1_700_000_000_000 })
        .execute();
      await db
        .insertInto('balances')
        .values({ ledger_account: 'available:acc_1', amount_nanos: 8_999_999_999_999_999_999n, changed_seq: 1 })
        .execute();

      const account = await db.selectFrom('accounts').selectAll().executeTakeFirstOrThrow();
      const balance = await db.selectFrom('balances').selectAll().executeTakeFirstOrThrow();

      assert.deepEqual([account.is_system, account.created_at], [0, 1_700_000_000_000]);
      assert.deepEqual([balance.amount_nanos, balance.changed_seq], [8_999_999_999_999_999_999n, 1]);
    });

    test('an amount that would overflow is refused, not rounded', async () => {
      await using database = await openTestDatabase(dialect);
      const row = { ledger_account: 'revenue', amount_nanos: 9_000_000_000_000_000_001n, changed_seq: 1 };
      await assert.rejects(database.db.insertInto('balances').values(row).execute());
    });

    test('an empty list matches nothing', async () => {
      await using database = await openTestDatabase(dialect);
      assert.deepEqual(await database.db.selectFrom('accounts').selectAll().where('id', 'in', []).execute(), []);
    });

    test('followers of a topic see each change once it is committed, in order', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using changes = startChanges(db, assert.ifError, 20);
      const seen: number[] = [];
      await changes.follow('keys', async (since) => {
        const { seq } = await db
          .selectFrom('topics')
          .select('seq')
          .where('name', '=', 'keys')
          .executeTakeFirstOrThrow();
        if (seq > since) seen.push(seq);
        return seq;
      });

      const [a, b] = await Promise.all([0, 1].map(() => db.transaction().execute((trx) => nextChange(trx, 'keys'))));
      await changes.nudge('keys');

      assert.deepEqual([a, b].toSorted(), [1, 2]);
      assert.equal(seen.at(-1), 2);
    });
  });
}

test('a second server on one SQLite file is refused by name', async () => {
  await using database = await openTestDatabase('sqlite');
  await assert.rejects(openDatabase(database.url), /Another server has .*eco\.db open/);
});
