import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { cancelJob } from '../server/video/cancel.ts';
import { completeJob } from '../server/video/complete.ts';
import { openContent } from '../server/video/content.ts';
import { followJob } from '../server/video/follow-job.ts';
import { purgeExpired } from '../server/video/purge.ts';
import { DIALECTS } from './databases.ts';
import { send, VideoEngine } from './fakes/video-engine.ts';
import { until } from './until.ts';
import { SECOND_NANOS, startVideos } from './video-rig.ts';
import { DAY_MS, insertVideo } from './video-rows.ts';

const wanted = () => ({ headers: new Headers(), signal: AbortSignal.timeout(10_000) });
const NOWHERE = { address: '127.0.0.1:9' };

for (const dialect of DIALECTS) {
  test(`a video that twenty see completed is billed once, at the prices of its order, on ${dialect}`, async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos(dialect);
    await rig.video([engine]);
    const job = await rig.order();
    const seen = { url: null, durationMs: 4_000 };
    await Promise.all(Array.from({ length: 20 }, () => completeJob(rig.videos, job, seen)));

    const usage = await rig.usage();
    assert.equal(usage.length, 1);
    const [record] = usage;
    assert.deepEqual([record?.id, record?.video_ms, record?.cost_nanos], [job.id, 4_000, 4n * SECOND_NANOS]);
    const charges = await rig.db
      .selectFrom('transfers')
      .select('amount_nanos')
      .where('kind', '=', 'api_usage')
      .execute();
    assert.deepEqual(charges, [{ amount_nanos: 4n * SECOND_NANOS }]);
    assert.equal(rig.tab.owed(rig.account.id), 0n);
  });
}

describe('an order', () => {
  test('goes to another replica where the first cannot have taken it', async () => {
    await using busy = await VideoEngine.start();
    await using engine = await VideoEngine.start();
    busy.behave = (_request, response) => send(response, 503, {});
    await using rig = await startVideos();
    await rig.video([NOWHERE, busy, engine]);
    for (let i = 0; i < 3; i++) {
      const job = await rig.order();
      assert.equal(job.base_url, `http://${engine.address}/v1`);
      assert.equal(job.region, 'far-2');
    }
  });

  test('that no replica takes leaves nothing behind and says why', async () => {
    await using rig = await startVideos();
    await rig.video([NOWHERE]);
    await assert.rejects(rig.order(), { code: 'upstream_error', status: 502 });
    assert.deepEqual(await rig.jobs(), []);
    assert.equal(rig.tab.owed(rig.account.id), 0n);
  });

  test('that the engine refuses is answered in its words, asked of no other, and leaves nothing behind', async () => {
    await using engine = await VideoEngine.start();
    await using second = await VideoEngine.start();
    for (const each of [engine, second])
      each.behave = (_request, response) => send(response, 422, { error: { message: 'Too dark.' } });
    await using rig = await startVideos();
    await rig.video([engine, second]);
    await assert.rejects(rig.order(), { status: 422, message: 'Too dark.' });
    assert.equal(engine.orders.length + second.orders.length, 1);
    assert.deepEqual(await rig.jobs(), []);
    assert.equal(rig.tab.owed(rig.account.id), 0n);
  });

  test('whose connection breaks goes nowhere else: it may have been taken', async () => {
    await using engine = await VideoEngine.start();
    await using second = await VideoEngine.start();
    for (const each of [engine, second]) each.behave = (_request, response) => !!response.destroy();
    await using rig = await startVideos();
    await rig.video([engine, second]);
    await assert.rejects(rig.order(), { code: 'upstream_error' });
    assert.equal(engine.orders.length + second.orders.length, 1);
  });

  test('that is cancelled before its replica has answered is cancelled there as well', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([engine]);
    engine.behave = async ({ method }) => {
      const [job] = await rig.jobs();
      if (method === 'POST' && job) await cancelJob(rig.videos, job);
      return false;
    };
    const job = await rig.order();
    assert.equal(job.status, 'cancelled');
    assert.equal(engine.videos.size, 0);
  });

  test('stands on the tab until it is over, also after a restart', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([engine]);
    const { id, estimate_nanos } = await rig.order('vendor/video', { num_frames: 32, fps: 16 });
    assert.equal(estimate_nanos, 2n * SECOND_NANOS);
    const { key } = rig.account;
    const owed = () => [rig.tab.owed(rig.account.id), rig.tab.owed(key.id)];
    assert.deepEqual(owed(), [estimate_nanos, estimate_nanos]);

    rig.tab.remove({ account_id: rig.account.id, key_id: key.id }, estimate_nanos); // a new server's tab is empty
    await rig.reopen();
    assert.deepEqual(owed(), [estimate_nanos, estimate_nanos]);
    engine.set('completed');
    await rig.reached(id, 'completed');
    await until('the tab is clear', () => rig.tab.owed(key.id) === 0n);
  });

  test('that a server had under way when it died is failed by the next, and not billed', async () => {
    await using rig = await startVideos();
    const { id } = await insertVideo(rig.db, {
      account_id: rig.account.id,
      estimate_nanos: 7n,
      lease_owner: 'srv_dead',
      lease_expires_at: Date.now() + 300,
    });
    const job = await rig.reached(id, 'failed');
    assert.match(job.error_message ?? '', /Nothing was billed: order again/);
    assert.deepEqual(await rig.db.selectFrom('usage_records').selectAll().execute(), []);
  });
});

describe('a video under way', () => {
  test('is asked after again when its replica gives nonsense, and less often each time', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([engine]);
    const job = await rig.order();
    const nonsense = [
      (response: ServerResponse) => send(response, 500, {}),
      (response: ServerResponse) => !!response.end('<html>'),
      (response: ServerResponse) => !!response.destroy(),
      (response: ServerResponse) => send(response, 200, { status: 'completed', pad: 'x'.repeat(300_000) }),
    ];
    engine.behave = (_request, response) => nonsense[engine.requests.length % nonsense.length]?.(response) ?? false;
    const waits: number[] = [];
    for (let failures = 0; failures < 7; failures++) {
      assert.equal(await followJob(rig.videos, job, failures), failures + 1);
      waits.push(Math.round((((await rig.find(job.id))?.next_at ?? 0) - Date.now()) / 1000));
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30]);
    assert.equal((await rig.find(job.id))?.status, 'queued');
  });

  test('is asked after where it was ordered, whoever else serves the model in that region', async () => {
    await using first = await VideoEngine.start();
    await using second = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([first, second], { region: 'far' });
    first.behave = ({ method }, response) => method === 'POST' && send(response, 503, {});
    const { id, base_url } = await rig.order();
    assert.equal(base_url, `http://${second.address}/v1`);
    second.set('completed');
    await rig.reached(id, 'completed');
  });

  test('never goes back from processing to queued', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([engine]);
    const { id } = await rig.order();
    engine.set('in_progress');
    const job = await rig.reached(id, 'processing');
    engine.set('queued');
    await followJob(rig.videos, job, 0);
    assert.equal((await rig.find(id))?.status, 'processing');
  });

  test('that its replica reports as failed, or has forgotten, fails with the reason and costs nothing', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([engine]);
    const failed = await rig.order();
    engine.set('failed', { error: { code: 'oom', message: 'Out of memory.' } });
    const { error_code, error_message } = await rig.reached(failed.id, 'failed');
    assert.deepEqual([error_code, error_message], ['oom', 'Out of memory.']);
    const lost = await rig.order();
    engine.videos.clear();
    assert.match((await rig.reached(lost.id, 'failed')).error_message ?? '', /does not know this video/);
    assert.deepEqual(await rig.db.selectFrom('usage_records').selectAll().execute(), []);
    assert.equal(rig.tab.owed(rig.account.id), 0n);
  });

  test('of an own instance fails when its replica has ended, although another one has its address now', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    const { ref } = await rig.own([engine]);
    const job = await rig.order(ref);
    assert.equal(job.estimate_nanos, 0n);
    const { replica_id } = job;
    await rig.db.updateTable('replicas').set({ ended_at: 1 }).where('id', '=', replica_id).execute();
    await rig.setReplica(replica_id ?? '', 'ended');
    const looked = engine.requests.length;
    assert.match((await rig.reached(job.id, 'failed')).error_message ?? '', /replica that had this video has ended/);
    assert.ok(engine.requests.length <= looked + 1);
  });

  test('of an own instance is recorded at no cost, with its length', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    const { ref, id } = await rig.own([engine]);
    const job = await rig.order(ref, { num_frames: 24, fps: 12 });
    engine.set('completed', { duration_seconds: 'long' });
    await rig.reached(job.id, 'completed');
    const [record] = await rig.usage();
    assert.deepEqual([record?.cost_nanos, record?.video_ms, record?.workload_id], [0n, 2_000, id]);
  });

  test('is forgotten when its day is over, here and at its replica, and not billed', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    await rig.video([engine]);
    await rig.order();
    rig.move(DAY_MS - 60_000);
    await purgeExpired(rig.videos);
    assert.equal((await rig.jobs()).length, 1);
    rig.move(60_000);
    await purgeExpired(rig.videos);
    assert.deepEqual(await rig.jobs(), []);
    assert.equal(engine.videos.size, 0);
    assert.equal(rig.tab.owed(rig.account.id), 0n);
  });
});

describe('the bytes of a video', () => {
  test('are gone with the replica that had them, and the answer says so', async () => {
    await using engine = await VideoEngine.start();
    await using rig = await startVideos();
    const { ref } = await rig.own([engine]);
    const { id } = await rig.order(ref);
    engine.set('completed');
    const job = await rig.reached(id, 'completed');
    const { status } = await openContent(rig.videos, job, wanted());
    assert.equal(status, 200);
    await rig.db.updateTable('replicas').set({ ended_at: 1 }).where('id', '=', job.replica_id).execute();
    await rig.setReplica(job.replica_id ?? '', 'ended');
    await assert.rejects(openContent(rig.videos, job, wanted()), { code: 'not_found', message: /has ended/ });
  });

  test('are cut off at the replica when the caller leaves, and held up while the caller takes none', async () => {
    await using engine = await VideoEngine.start();
    engine.content = Buffer.alloc(64 * 1024 * 1024);
    let written = 0;
    const closed = Promise.withResolvers<void>();
    engine.behave = ({ path }, response) => {
      if (!path.endsWith('/content')) return false;
      response.once('close', () => {
        written = response.socket?.bytesWritten ?? 0;
        closed.resolve();
      });
      response.writeHead(200, { 'content-type': 'video/mp4' });
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
      return true;
    };
    await using rig = await startVideos();
    await rig.video([engine]);
    const { id } = await rig.order();
    engine.set('completed');
    const leave = new AbortController();
    const job = await rig.reached(id, 'completed');
    const { body } = await openContent(rig.videos, job, { headers: new Headers(), signal: leave.signal });
    const reader = body?.getReader();
    await reader?.read();
    leave.abort();
    await assert.rejects(async () => {
      while (!(await reader?.read())?.done);
    });
    await closed.promise;
    assert.ok(written < 32 * 1024 * 1024, `${written} bytes`);
  });
});
