import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { claimDue, LEASE_MS, releaseJobsOf } from '../server/video/lease.ts';
import { deleteJob, findJob, insertJob, listOpenEstimates, takeExpired, updateOpenJob } from '../server/video/store.ts';
import { insertAccount } from './billing-rows.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';
import { DAY_MS, insertVideo, videoJob } from './video-rows.ts';

const NOW = 1_800_000_000_000;

for (const dialect of DIALECTS) {
  describe(`videos on ${dialect}`, () => {
    test('of twenty orders that race five are taken, and the account beside it has its own five', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      const other = await insertAccount(db);
      const order = (of: string) => insertJob(db, videoJob({ account_id: of, created_at: NOW }), 5);
      const taken = await Promise.all([...Array.from({ length: 20 }, () => order(account_id)), order(other)]);
      assert.equal(taken.filter(Boolean).length, 6);
      assert.equal((await db.selectFrom('video_jobs').select('id').execute()).length, 6);
    });

    test('what is over or expired makes room for another order', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      for (const status of ['completed', 'failed', 'cancelled'])
        await insertVideo(db, { account_id, status, created_at: NOW });
      await insertVideo(db, { account_id, created_at: NOW - DAY_MS });
      assert.equal(await insertJob(db, videoJob({ account_id, created_at: NOW }), 1), true);
      assert.equal(await insertJob(db, videoJob({ account_id, created_at: NOW }), 1), false);
    });

    test('a job is found by its own account until it expires', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      const { id } = await insertVideo(db, { account_id, created_at: NOW });
      const found = async (of: string, now: number) => (await findJob(db, { id, account_id: of, now }))?.id;
      assert.equal(await found(account_id, NOW + DAY_MS - 1), id);
      assert.equal(await found(account_id, NOW + DAY_MS), undefined);
      assert.equal(await found(await insertAccount(db), NOW), undefined);
    });

    test('of ten who claim, each due job has one; a lease that ended, or whose owner is gone, is free again', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      for (let i = 0; i < 5; i++) await insertVideo(db, { account_id, created_at: NOW });
      await insertVideo(db, { account_id, created_at: NOW, next_at: NOW + 1 });
      await insertVideo(db, { account_id, created_at: NOW, status: 'completed', next_at: null });
      const claim = (owner: string, now: number) => claimDue(db, { owner, now, limit: 3 });

      const rounds = await Promise.all(Array.from({ length: 10 }, (_, n) => claim(`srv_${n}`, NOW)));
      const first = [...rounds.flat(), ...(await claim('srv_0', NOW))].map(({ id }) => id);
      assert.equal(new Set(first).size, 5);
      assert.equal(first.length, 5);
      assert.equal((await claim('srv_a', NOW + LEASE_MS)).length, 3);
      await releaseJobsOf(db, 'srv_a', NOW);
      assert.equal((await claim('srv_b', NOW)).length, 3);
    });

    test('of ten who end a job one does, and none opens it again', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const { id } = await insertVideo(db, { account_id: await insertAccount(db) });
      const ends = await Promise.all(
        Array.from({ length: 10 }, (_, n) => updateOpenJob(db, id, { status: n % 2 ? 'completed' : 'cancelled' })),
      );
      assert.equal(ends.filter(Boolean).length, 1);
      assert.equal(await updateOpenJob(db, id, { status: 'processing' }), undefined);
    });

    test('expired jobs are taken out once, oldest first, and so many at a time', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      const [newest, oldest, middle] = await Promise.all(
        [1, 3, 2].map((days) => insertVideo(db, { account_id, created_at: NOW - days * DAY_MS })),
      );
      await insertVideo(db, { account_id, created_at: NOW });
      assert.deepEqual(
        (await takeExpired(db, NOW, 2)).map(({ id }) => id),
        [oldest?.id, middle?.id],
      );
      const [a, b] = await Promise.all([takeExpired(db, NOW, 2), takeExpired(db, NOW, 2)]);
      assert.deepEqual(
        [...a, ...b].map(({ id }) => id),
        [newest?.id],
      );
    });

    test('estimates are those of jobs under way that cost something', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const account_id = await insertAccount(db);
      const estimate_nanos = 5n;
      const { id } = await insertVideo(db, { account_id, created_at: NOW, estimate_nanos });
      await insertVideo(db, { account_id, created_at: NOW });
      await insertVideo(db, { account_id, created_at: NOW, estimate_nanos, status: 'failed' });
      await insertVideo(db, { account_id, created_at: NOW - DAY_MS, estimate_nanos });
      assert.deepEqual(await listOpenEstimates(db, NOW), [{ id, account_id, key_id: 'key_1', estimate_nanos }]);
      await deleteJob(db, id);
      assert.deepEqual(await listOpenEstimates(db, NOW), []);
    });
  });
}
