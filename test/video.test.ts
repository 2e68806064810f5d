import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Backend, VideoJob } from '../sdk/contract/index.ts';
import { Eco } from '../sdk/index.ts';
import { makeInstallation } from './crash/server-process.ts';
import { DIALECTS, makeDatabase } from './databases.ts';
import { VideoEngine } from './fakes/video-engine.ts';
import { startEco, type TestEco } from './harness.ts';
import { until } from './until.ts';

const SECRET = 'the secret of the engine';
const PRICES = { per_video_second: '0.10' };

/** Models that the engine serves as an API elsewhere would, with a secret. */
async function importVideos(admin: Eco, { address }: VideoEngine): Promise<void> {
  const base_url = `http://${address}/v1`;
  const backend = { type: 'upstream', region: 'far', base_url, served_name: 'wan', secret_env: 'VIDEO_SECRET' };
  const backends = [backend as Backend];
  const model = { display_name: 'Video', category: 'video' as const, backends };
  await admin.admin.importModels({
    models: [
      { ...model, id: 'vendor/video', prices: PRICES },
      { ...model, id: 'vendor/unpriced' },
      { ...model, id: 'vendor/chat', category: 'chat', prices: { input_per_1m: '1', output_per_1m: '1' } },
    ],
  });
}

function client(url: string, apiKey: string) {
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${url}/v1/video/generations${path}`, {
      redirect: 'manual',
      ...init,
      headers: { authorization: `Bearer ${apiKey}`, ...init.headers },
    });
  const read = async (response: Response) => {
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as VideoJob;
  };
  return {
    call,
    post: (body: unknown, headers: Record<string, string> = {}) =>
      call('', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers }),
    order: async (model = 'vendor/video') =>
      read(
        await call('', { method: 'POST', body: JSON.stringify({ model, prompt: 'a cat', num_frames: 30, fps: 15 }) }),
      ),
    get: async (id: string) => read(await call(`/${id}`)),
    cancel: async (id: string) => read(await call(`/${id}`, { method: 'DELETE' })),
    reached: (id: string, status: string) =>
      until(`the video is ${status}`, async () => {
        const job = await read(await call(`/${id}`));
        return job.status === status && job;
      }),
  };
}

const refusalOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return [response.status, error.code];
};

describe('videos over HTTP', () => {
  let engine: VideoEngine;
  let server: TestEco;
  let video: ReturnType<typeof client>;
  let accountEco: Eco;

  before(async () => {
    process.env.VIDEO_SECRET = SECRET;
    engine = await VideoEngine.start();
    server = await startEco('sqlite', { regions: [] });
    await importVideos(server.admin, engine);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    delete process.env.VIDEO_SECRET;
  });
  beforeEach(async () => {
    engine.behave = undefined;
    engine.requests.length = 0;
    engine.videos.clear();
    const { apiKey, eco } = await server.newAccount();
    video = client(server.url, apiKey);
    accountEco = eco;
  });

  const completed = async (fields: Record<string, unknown> = {}) => {
    const { id } = await video.order();
    engine.set('completed', fields);
    return video.reached(id, 'completed');
  };

  test('an order goes to the replica as it was sent, under the name that the model has there', async () => {
    const text = '{ "prompt":"a c\\u0061t", "seed":1, "of_tomorrow": {"x": 1.50}, "model" :"VENDOR/video" }';
    const response = await video.post(text);
    assert.equal(response.status, 200);
    const job = (await response.json()) as VideoJob;
    assert.match(job.id, /^vid_/);
    const { created, expires_at, ...rest } = job;
    assert.deepEqual(rest, {
      object: 'video.job',
      id: job.id,
      model: 'vendor/video',
      status: 'queued',
      completed_at: null,
      video_url: null,
      duration_seconds: null,
      error: null,
    });
    assert.equal(expires_at - created, 24 * 3600);
    const [order] = engine.orders;
    assert.equal(order?.text, text.replace('"VENDOR/video"', '"wan"'));
    assert.equal(order?.headers.authorization, `Bearer ${SECRET}`);
  });

  test('it is queued, processed and completed, and its video has an address here', async () => {
    const { id } = await video.order();
    engine.set('processing');
    await video.reached(id, 'processing');
    engine.set('completed', { video_url: '/v1/elsewhere/1.mp4', duration_seconds: 2.5 });
    const job = await video.reached(id, 'completed');
    assert.equal(job.duration_seconds, 2.5);
    assert.ok(job.completed_at !== null && job.completed_at >= job.created);
    assert.equal(job.video_url, `${server.url}/v1/video/generations/${id}/content`);
    assert.equal((await video.call(`/${id}/content`)).status, 404); // what the replica says of that address
    assert.equal(engine.requests.at(-1)?.path, '/v1/elsewhere/1.mp4');
  });

  test('it is billed for its seconds when it is completed, once, and not before', async () => {
    const { id } = await video.order();
    const usage = async () => (await accountEco.billing.usage({ group_by: 'request' })).data;
    assert.deepEqual(await usage(), []);
    engine.set('completed');
    await video.reached(id, 'completed');
    const [row, ...others] = await usage();
    assert.deepEqual(
      [row?.group, row?.video_seconds, row?.cost, row?.model, row?.region, others],
      [id, 2, '0.20', 'vendor/video', 'far', []],
    );
    assert.equal((await accountEco.billing.balance()).available, '999.80');
  });

  test('the bytes come through us, whole or in part, as what they are and nothing else', async () => {
    const { id } = await completed();
    const whole = await video.call(`/${id}/content`);
    assert.equal(whole.status, 200);
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), engine.content);
    assert.equal(whole.headers.get('content-type'), 'video/mp4');
    assert.equal(whole.headers.get('content-length'), '1000');
    assert.equal(whole.headers.get('x-ecolink-region'), 'far');
    assert.equal(whole.headers.get('set-cookie'), null);
    assert.ok(whole.headers.get('x-request-id'));

    const part = await video.call(`/${id}/content`, { headers: { range: 'bytes=5-9' } });
    assert.deepEqual([part.status, await part.text()], [206, '56789']);
    assert.equal(part.headers.get('content-range'), 'bytes 5-9/1000');

    const head = await video.call(`/${id}/content`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, '1000']);

    engine.contentType = 'text/html';
    const page = await video.call(`/${id}/content`);
    assert.equal(page.headers.get('content-type'), 'application/octet-stream');
    engine.contentType = 'video/mp4';
  });

  test('callers who leave in the middle leave nothing open, here or at the replica', async () => {
    const { id } = await completed();
    const pieceBytes = 65_536;
    let open = 0;
    let sent = 0;
    engine.behave = ({ path }, response) => {
      if (!path.endsWith('/content')) return false;
      open++;
      response.once('close', () => open--);
      response.writeHead(200, { 'content-type': 'video/mp4' });
      const more = () => {
        do sent++;
        while (response.write(Buffer.alloc(pieceBytes)));
      };
      response.on('drain', more);
      more();
      return true;
    };
    const watch = async (pieces: number) => {
      const leave = new AbortController();
      const { body } = await video.call(`/${id}/content`, { signal: leave.signal });
      const reader = body?.getReader();
      for (let i = 0; i < pieces; i++) await reader?.read();
      await until('the replica is held up', async () => {
        const before = sent;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return sent === before;
      });
      leave.abort();
    };
    await Promise.all([0, 1, 2, 5, 10].map(watch));
    await until('the replica is left alone', () => open === 0);
    assert.ok(sent * pieceBytes < 5 * 16 * 1024 * 1024, `${sent} pieces`);
    assert.equal((await video.get(id)).status, 'completed');
  });

  test('bytes that lie elsewhere are the caller’s to fetch: neither our secret nor the key goes there', async () => {
    await using elsewhere = await VideoEngine.start();
    const video_url = `http://${elsewhere.address}/1.mp4`;
    const { id } = await completed({ video_url });
    const response = await video.call(`/${id}/content`);
    assert.deepEqual([response.status, response.headers.get('location')], [302, video_url]);
    assert.deepEqual(elsewhere.requests, []);
    const rows = await server.server.context.db.selectFrom('video_jobs').selectAll().execute();
    assert.ok(
      !JSON.stringify(rows, (_name, value) => (typeof value === 'bigint' ? String(value) : value)).includes(SECRET),
    );
  });

  test('one that is not completed has no bytes', async () => {
    const { id } = await video.order();
    assert.deepEqual(await refusalOf(await video.call(`/${id}/content`)), [409, 'conflict']);
  });

  test('one that the replica fails says why', async () => {
    const { id } = await video.order();
    engine.set('failed', { error: { code: 'oom', message: 'Out of memory.' } });
    const job = await video.reached(id, 'failed');
    assert.deepEqual(job.error, { code: 'oom', message: 'Out of memory.' });
    assert.deepEqual([job.video_url, job.duration_seconds, job.completed_at], [null, null, null]);
  });

  test('cancelling ends it here and there, unbilled; once more forgets it', async () => {
    const { id } = await video.order();
    assert.equal((await video.cancel(id)).status, 'cancelled');
    assert.equal(engine.videos.size, 0);
    assert.equal((await video.get(id)).status, 'cancelled');
    assert.equal((await video.cancel(id)).status, 'cancelled');
    assert.deepEqual(await refusalOf(await video.call(`/${id}`)), [404, 'not_found']);
    assert.deepEqual((await accountEco.billing.usage({ group_by: 'request' })).data, []);
  });

  test('a completed one is forgotten with its bytes, and stays billed', async () => {
    const { id } = await completed();
    assert.equal((await video.cancel(id)).status, 'completed');
    assert.equal(engine.videos.size, 0);
    assert.deepEqual(await refusalOf(await video.call(`/${id}/content`)), [404, 'not_found']);
    assert.equal((await accountEco.billing.usage({ group_by: 'request' })).data.length, 1);
  });

  test('nobody else’s key finds it', async () => {
    const { id } = await completed();
    const stranger = client(server.url, (await server.newAccount()).apiKey);
    for (const [path, method] of [
      [`/${id}`, 'GET'],
      [`/${id}`, 'DELETE'],
      [`/${id}/content`, 'GET'],
      ['/vid_unknown', 'GET'],
    ] as const)
      assert.deepEqual(await refusalOf(await stranger.call(path, { method })), [404, 'not_found']);
    assert.equal((await video.get(id)).status, 'completed');
  });

  test('of eight orders at once five are taken; the others hear of the limit', async () => {
    const body = { model: 'vendor/video', prompt: 'a cat' };
    const responses = await Promise.all(Array.from({ length: 8 }, () => video.post(body)));
    const refused = responses.filter(({ status }) => status !== 200);
    assert.equal(refused.length, 3);
    for (const response of refused) {
      assert.ok(response.headers.get('retry-after'));
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      assert.equal(error.code, 'rate_limit_exceeded');
      assert.match(error.message, /\b5 videos\b/);
    }
    assert.equal(engine.orders.length, 5);
  });

  test('an Idempotency-Key makes one order of two', async () => {
    const body = { model: 'vendor/video', prompt: 'a cat' };
    const headers = { 'idempotency-key': 'one-cat' };
    const [first, second] = [await video.post(body, headers), await video.post(body, headers)];
    assert.equal(second.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(await first.json(), await second.json());
    assert.equal(engine.orders.length, 1);
    assert.equal((await video.post({ ...body, prompt: 'a dog' }, headers)).status, 422);
  });

  test('a model without a price answers 402 with exactly the documented body', async () => {
    const response = await video.post({ model: 'vendor/unpriced', prompt: 'a cat' });
    assert.equal(response.status, 402);
    assert.deepEqual(await response.json(), {
      error:
        'model_not_priced: vendor/unpriced is registered but not yet priced — contact admin to set pricing before use',
    });
  });

  test('what is refused is refused before anything is ordered', async () => {
    const refused = async (body: unknown) => refusalOf(await video.post(body));
    assert.deepEqual(await refused({ model: 'vendor/chat', prompt: 'a cat' }), [400, 'wrong_endpoint']);
    assert.deepEqual(await refused({ model: 'vendor/none', prompt: 'a cat' }), [404, 'model_not_found']);
    assert.deepEqual(await refused({ model: 'vendor/video' }), [400, 'invalid_request']);
    assert.deepEqual(await refused({ model: 'vendor/video', prompt: 'x', num_frames: 82 }), [400, 'invalid_request']);

    const { secret } = await server.admin.admin.createAccount({ name: 'poor' });
    const poor = client(server.url, secret);
    const order = { model: 'vendor/video', prompt: 'a cat' };
    assert.deepEqual(await refusalOf(await poor.post(order)), [402, 'insufficient_balance']);
    const narrow = await accountEco.keys.create({ name: 'narrow', allowed_models: ['vendor/chat'] });
    assert.deepEqual(await refusalOf(await client(server.url, narrow.secret).post(order)), [403, 'forbidden']);
    assert.deepEqual(engine.orders, []);
  });

  test('afterwards the books are clean', async () => {
    assert.deepEqual((await server.admin.admin.audit()).findings, []);
  });
});

for (const dialect of DIALECTS) {
  test(`a server killed while videos are made goes on with them, and bills each once, on ${dialect}`, async () => {
    await using engine = await VideoEngine.start();
    const directory = mkdtempSync(join(tmpdir(), 'eco-video-'));
    const database = await makeDatabase(dialect);
    const installation = await makeInstallation(directory, database.url);
    let server = await installation.start();
    try {
      const admin = new Eco({ apiKey: installation.adminKey, baseUrl: installation.url });
      const { id: account_id, secret } = await admin.admin.createAccount({ name: 'video' });
      await admin.admin.credit({ account_id, amount: '10.00' });
      await importVideos(admin, engine);
      const video = client(installation.url, secret);
      const done = await video.order();
      engine.set('completed');
      await video.reached(done.id, 'completed');
      const jobs = [await video.order(), await video.order()];
      await server.kill();

      engine.set('completed');
      server = await installation.start();
      for (const { id } of jobs) await video.reached(id, 'completed');
      const eco = new Eco({ apiKey: secret, baseUrl: installation.url });
      const rows = (await eco.billing.usage({ group_by: 'request' })).data.map(({ group }) => group);
      assert.deepEqual(rows.toSorted(), [done, ...jobs].map(({ id }) => id).toSorted());
      assert.equal((await eco.billing.balance()).available, '9.40');
      assert.deepEqual((await admin.admin.audit()).findings, []);
    } finally {
      await server.kill();
      await database.remove();
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
