import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Db } from '../server/db/open.ts';
import {
  claimDue,
  claimOne,
  holdLease,
  isCurrent,
  LEASE_MS,
  releaseLease,
  releaseLeasesOf,
} from '../server/workloads/reconcile/lease.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';

const NOW = 1_800_000_000_000;

async function insertRows(db: Db, count: number, next_at: number | null = NOW): Promise<number[]> {
  await db.insertInto('accounts').values({ id: 'acc_1', name: 'one', is_system: 0, created_at: NOW }).execute();
  const row = {
    account_id: 'acc_1',
    kind: 'inference_instance',
    name: 'x',
    model_id: null,
    category: null,
    spec: '{}',
    secrets_encrypted: null,
    desired: 'running',
    generation: 1,
    observed_generation: 0,
    state: 'pending',
    reason: 'scheduled',
    message: '',
    hint: null,
    since: NOW,
    revision: 1,
    memory: '{}',
    launch_key: null,
    created_at: NOW,
    started_at: null,
    ended_at: null,
    lease_owner: null,
    lease_token: null,
    lease_expires_at: 0,
    next_at,
    changed_seq: 1,
  };
  const rows = Array.from({ length: count }, (_, index) => ({ ...row, uid: `uid-${index}` }));
  const inserted = await db.insertInto('workloads').values(rows).returning('id').execute();
  return inserted.map(({ id }) => id);
}

for (const dialect of DIALECTS) {
  describe(`leases on ${dialect}`, () => {
    test('of twenty claimers over three hundred rows each row has one', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const ids = await insertRows(db, 300);

      const claimer = async (owner: string) => {
        const mine: number[] = [];
        for (;;) {
          const claims = await claimDue(db, { owner, now: NOW, limit: 8 });
          mine.push(...claims.map(({ id }) => id));
          const left = await db
            .selectFrom('workloads')
            .select('id')
            .where('lease_token', 'is', null)
            .limit(1)
            .execute();
          if (left.length === 0) return mine;
        }
      };
      const claimed = (await Promise.all(Array.from({ length: 20 }, (_, n) => claimer(`server-${n}`)))).flat();

      assert.deepEqual(
        claimed.toSorted((a, b) => a - b),
        ids.toSorted((a, b) => a - b),
      );
    });

    test('of twenty who want one row, one gets it', async () => {
      await using database = await openTestDatabase(dialect);
      const [id = 0] = await insertRows(database.db, 1);
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, n) => claimOne(database.db, id, { owner: `server-${n}`, now: NOW })),
      );
      assert.equal(claims.filter((claim) => claim !== undefined).length, 1);
    });

    test('an expired lease is taken over, and its old owner may write no more', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await insertRows(db, 1);
      const [old] = await claimDue(db, { owner: 'dead', now: NOW, limit: 8 });
      assert.deepEqual(await claimDue(db, { owner: 'heir', now: NOW + LEASE_MS - 1, limit: 8 }), []);

      const [heir] = await claimDue(db, { owner: 'heir', now: NOW + LEASE_MS, limit: 8 });

      assert.ok(old && heir);
      assert.equal(heir.lease_owner, 'heir');
      assert.equal(await holdLease(db, { ...old, token: old.lease_token }), false);
      assert.equal(await holdLease(db, { ...heir, token: heir.lease_token }), true);
      await releaseLease(db, { id: old.id, token: old.lease_token });
      assert.equal(await isCurrent(db, { ...heir, token: heir.lease_token }), true);
    });

    test('a pass is stale as soon as something else was asked for', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await insertRows(db, 1);
      const [claim] = await claimDue(db, { owner: 'one', now: NOW, limit: 1 });
      assert.ok(claim);
      await db.updateTable('workloads').set({ generation: 2 }).execute();
      const lease = { ...claim, token: claim.lease_token };
      assert.deepEqual([await holdLease(db, lease), await isCurrent(db, lease)], [false, false]);
    });

    test('what is not due or has nothing left to do is not claimed', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const [id = 0] = await insertRows(db, 1, null);
      assert.equal(await claimOne(db, id, { owner: 'one', now: NOW }), undefined);
      await db
        .updateTable('workloads')
        .set({ next_at: NOW + 1 })
        .execute();
      assert.deepEqual(await claimDue(db, { owner: 'one', now: NOW, limit: 8 }), []);
      assert.equal((await claimOne(db, id, { owner: 'one', now: NOW }))?.id, id);
    });

    test('what a server that is gone left leased is freed, what another one holds is not', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await insertRows(db, 3);
      await claimDue(db, { owner: 'killed', now: NOW, limit: 2 });
      await claimDue(db, { owner: 'alive', now: NOW, limit: 1 });
      await releaseLeasesOf(db, 'killed');
      assert.equal((await claimDue(db, { owner: 'next', now: NOW, limit: 8 })).length, 2);
    });
  });
}
