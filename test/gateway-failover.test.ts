import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, type Behaviour, hang, reset, startEngine, status, stream, write } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';
import { until } from './until.ts';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const failing = async (bad: Behaviour, settings = {}) => {
  const scope = new AsyncDisposableStack();
  const broken = scope.use(await startEngine(bad));
  const sound = scope.use(await startEngine(answer()));
  const eco = scope.use(await startGateway(settings));
  const { secret } = await eco.account();
  const { replicas } = await eco.model('chat', [broken, sound]);
  return { ...eco, secret, broken, sound, replicas, [Symbol.asyncDispose]: () => scope.disposeAsync() };
};

const role = { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] };
const begin: Behaviour = async (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  await write(response, ': engine\n\n');
  await write(response, role);
  await new Promise(setImmediate);
};

const faults: Record<string, { behave: Behaviour; streams?: boolean; whole?: boolean }> = {
  'a reset before the head': { behave: reset },
  'a 502': { behave: status(502) },
  'a 503 with HTML': { behave: status(503) },
  'a 504': { behave: status(504, { error: { message: 'x' } }) },
  'no first token in time': { behave: hang, whole: false },
  'a head and then nothing': { behave: (_, response) => void response.writeHead(200).flushHeaders(), whole: false },
  'a reset after the role': {
    behave: async (request, response) => {
      await begin(request, response);
      response.destroy();
    },
    whole: false,
  },
  'an end after the role': {
    behave: async (request, response) => {
      await begin(request, response);
      response.end();
    },
    whole: false,
  },
  'an error event before content': {
    behave: async (request, response) => {
      await begin(request, response);
      response.end('event: error\ndata: {"message":"no"}\n\n');
    },
    whole: false,
  },
  'an error object under 200': { behave: status(200, { error: { message: 'out of memory' } }), streams: false },
  'half a small answer': {
    behave: async (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"id":');
      await new Promise(setImmediate);
      response.destroy();
    },
    streams: false,
  },
};

/** Equal replicas are picked by chance: so many calls do not all miss the broken one. */
const CALLS_MAX = 64;

describe('another replica takes over after', () => {
  for (const [what, { behave, streams = true, whole = true }] of Object.entries(faults)) {
    for (const isStream of [...(streams ? [true] : []), ...(whole ? [false] : [])]) {
      test(`${what} (${isStream ? 'stream' : 'whole'})`, async () => {
        await using eco = await failing(behave, { first_token_timeout_ms: 150 });
        let calls = 0;
        while (calls < 4 || (eco.broken.requests.length === 0 && calls < CALLS_MAX)) {
          calls++;
          const response = await eco.post(eco.secret, { model: 'chat', messages, stream: isStream });
          const text = await response.text();
          assert.equal(response.status, 200, text);
          assert.equal(response.headers.get('x-ecolink-region'), 'r1');
          if (isStream) assert.match(text, /"Hel"[\s\S]*"lo\."[\s\S]*\[DONE\]/);
          else assert.match(text, /Hello\./);
          if (isStream) assert.equal(text.split('"role"').length, 2, 'nothing of the first attempt is seen');
        }
        const rows = await eco.usage(calls);
        assert.ok(rows.every((row) => row.status === 'completed' && row.region === 'r1' && row.output_tokens === 2));
        assert.ok(eco.broken.requests.length > 0, 'the broken one was tried');
        assert.ok(rows.some((row) => row.attempts > 1));
      });
    }
  }

  test('a refused connection', async () => {
    await using eco = await failing(answer());
    const { ready } = eco.gateway.desk.core.tables;
    await until('both have answered', () => ready.all().every(({ health }) => health.isProven));
    await eco.broken[Symbol.asyncDispose]();
    for (let call = 0; call < 16; call++) {
      const response = await eco.post(eco.secret, { model: 'chat', messages });
      assert.equal(response.status, 200, await response.text());
    }
    const rows = await eco.usage(16);
    const failed = rows.filter((row) => row.attempts === 2).length;
    assert.ok(failed >= 1 && failed <= 4, `${failed} of 16 tried the dead one: after the third it is left alone`);
  });
});

/** So many calls do not all go to one of two equals by chance. */
const CALLS = 24;

describe('no other replica is tried after', () => {
  for (const [what, behave, expected] of [
    ['a 400', status(400, { error: { message: 'bad' } }), 400],
    ['a 404', status(404, { error: { message: 'no' } }), 404],
    ['a 429', status(429, { error: { message: 'busy' } }), 429],
    ['a 500', status(500), 502],
  ] as const) {
    test(what, async () => {
      await using engine = await startEngine(behave);
      await using other = await startEngine(behave);
      await using eco = await startGateway();
      const { secret } = await eco.account();
      await eco.model('chat', [engine, other]);
      for (let call = 0; call < CALLS; call++) {
        const response = await eco.post(secret, { model: 'chat', messages });
        assert.equal(response.status, expected);
        await response.text();
      }
      assert.equal(engine.requests.length + other.requests.length, CALLS);
      assert.ok(engine.requests.length > 0 && other.requests.length > 0, 'none was ejected for it');
    });
  }

  test('the first content', async () => {
    await using eco = await failing(stream(['a'], { instead: (response) => response.destroy() }));
    eco.sound.behave = eco.broken.behave;
    const text = await (await eco.post(eco.secret, { model: 'chat', messages, stream: true })).text();
    assert.match(text, /"content":"a"[\s\S]*"error"/);
    assert.equal(eco.broken.requests.length + eco.sound.requests.length, 1);
  });
});

test('when all replicas fail the answer is 502 after three attempts, and they are still tried the next time', async () => {
  const engines = await Promise.all(Array.from({ length: 4 }, () => startEngine(status(503))));
  await using scope = new AsyncDisposableStack();
  for (const engine of engines) scope.use(engine);
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.model('chat', engines);
  for (let call = 0; call < 6; call++) {
    const response = await eco.post(secret, { model: 'chat', messages });
    assert.equal(response.status, 502);
    assert.ok(response.headers.get('retry-after'));
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'upstream_error');
  }
  const rows = await eco.usage(6);
  assert.ok(rows.every((row) => row.attempts === 3 && row.status === 'failed' && row.cost_nanos === 0n));
  assert.equal(
    engines.reduce((sum, { requests }) => sum + requests.length, 0),
    18,
  );
  for (const engine of engines) engine.behave = answer();
  assert.equal((await eco.post(secret, { model: 'chat', messages })).status, 200, 'the least bad is better than none');
});

test('a replica that is told to stop gets nothing more, and finishes what it has', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using eco = await failing(stream(['a', 'b'], { before: (index) => (index === 1 ? promise : undefined) }));
  await eco.setReplica(eco.replicas[1]!, 'unready');
  const running = await eco.post(eco.secret, { model: 'chat', messages, stream: true });
  await eco.setReplica(eco.replicas[0]!, 'stopping');
  const refused = await eco.post(eco.secret, { model: 'chat', messages });
  assert.equal(refused.status, 503);
  await eco.setReplica(eco.replicas[1]!, 'ready');
  assert.equal((await eco.post(eco.secret, { model: 'chat', messages })).headers.get('x-ecolink-region'), 'r1');
  resolve();
  assert.match(await running.text(), /"b"[\s\S]*\[DONE\]/);
});

test('requests go where the least are in flight', async () => {
  await using eco = await failing(hang);
  eco.sound.behave = hang;
  const leave = new AbortController();
  const calls = Array.from({ length: 10 }, () =>
    eco.post(eco.secret, { model: 'chat', messages }, { signal: leave.signal }).catch(() => {}),
  );
  await until('all arrive', () => eco.broken.requests.length + eco.sound.requests.length === 10);
  assert.equal(eco.broken.requests.length, 5);
  leave.abort();
  await Promise.all(calls);
  assert.ok((await eco.usage(10)).every((row) => row.status === 'client_closed'));
});

test('a stale connection is opened anew without a word', async () => {
  await using engine = await startEngine();
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.model('chat', [engine]);
  await (await eco.post(secret, { model: 'chat', messages })).text();
  engine.behave = (request, response) => {
    if (engine.requests.length === 2) response.destroy();
    else return answer()(request, response);
  };
  assert.equal((await eco.post(secret, { model: 'chat', messages })).status, 200);
  assert.equal(engine.requests.length, 3);
});

test('an external upstream is called with its own secret and never with the caller’s key', async () => {
  process.env.TEST_UPSTREAM_SECRET = 'sk-upstream';
  await using engine = await startEngine();
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.upstreamModel('ext', {
    base_url: `http://${engine.address}/prefix/v1`,
    secret_env: 'TEST_UPSTREAM_SECRET',
  });
  const response = await eco.post(secret, { model: 'ext', messages });
  assert.equal(response.headers.get('x-ecolink-region'), 'far');
  await response.text();
  assert.equal(engine.requests[0]?.path, '/prefix/v1/chat/completions');
  assert.equal(engine.requests[0]?.headers.authorization, 'Bearer sk-upstream');
  assert.equal(engine.requests[0]?.body.model, 'ext');
});
