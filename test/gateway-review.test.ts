import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { findUsageInTail } from '../server/gateway/counting/usage-tail.ts';
import { answer, hang, startEngine, stream, usageOf, write } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';
import { until } from './until.ts';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const ask = { model: 'chat', messages };
const streamed = { ...ask, stream: true };

async function open(engine: { address: string }, { settings = {}, dollars = 10, engineName = 'vllm', key = {} } = {}) {
  const eco = await startGateway(settings);
  const { id, secret } = await eco.account(dollars, key);
  await eco.model('chat', [engine], { engine: engineName, aliases: ['talk'] });
  return Object.assign(eco, { secret, accountId: id });
}
type Eco = Awaited<ReturnType<typeof open>>;

const head = (eco: Eco, length: number, more = '') =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${eco.secret}\r\ncontent-length: ${length}\r\n${more}\r\n`;
const raw = (eco: Eco, body: string, more = '') => head(eco, Buffer.byteLength(body), more) + body;

async function dial(eco: Eco): Promise<Socket & { text(): string }> {
  const socket = connect(Number(new URL(eco.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return Object.assign(socket, { text: () => text });
}

/** A server that answers each connection with these bytes and hangs up. */
async function startRaw(bytes: string | Buffer) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const http200 = (body: string, headers = 'content-type: application/json\r\n') =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
const good = JSON.stringify({ id: 'x', choices: [{ message: { content: 'hi' } }], usage: usageOf(5, 2) });

describe('an engine that answers', { concurrency: 4, timeout: 30_000 }, () => {
  for (const [what, bytes, wanted] of [
    ['with garbage', 'hello this is not http\r\n\r\n', 502],
    ['with nothing', '', 502],
    ['with less than it promised', http200(good).replace(/length: \d+/, 'length: 9999'), 502],
    ['with spaces first', http200(`\n  ${good}`), 200],
    ['with a length of minus one', http200(good).replace(/length: \d+/, 'length: -1'), 502],
    [
      'with a header in letters beyond latin',
      http200(good, 'content-type: application/json\r\nx-model: 模型 😀\r\n'),
      200,
    ],
    [
      'with a header that is no UTF-8',
      Buffer.from(http200(good, 'content-type: application/json\r\nx-model: caf\xe9\r\n'), 'latin1'),
      200,
    ],
    ['with 204', 'HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n', 502],
    ['with 200 and an empty body', http200(''), 502],
    ['with 200 and a page of HTML', http200('<html>proxy login</html>', 'content-type: text/html\r\n'), 502],
    ['with 302', 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n', 502],
    ['with 304', 'HTTP/1.1 304 Not Modified\r\n\r\n', 502],
    ['with 101', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n', 502],
    ['after early hints', `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${http200(good)}`, 200],
    ['with 20 KB of headers', http200(good, `content-type: application/json\r\nx-a: ${'a'.repeat(20_000)}\r\n`), 502],
    ['with both framings', http200(good, 'content-type: application/json\r\ntransfer-encoding: chunked\r\n'), 502],
  ] as const) {
    test(`${what} is ${wanted}`, async () => {
      await using engine = await startRaw(bytes);
      await using eco = await open(engine);
      const response = await eco.post(eco.secret, ask);
      const text = await response.text();
      assert.equal(response.status, wanted, text);
      if (wanted === 200) assert.equal(text.trim(), good);
      else assert.equal(JSON.parse(text).error.code, 'upstream_error');
      const [row] = await eco.usage();
      assert.deepEqual([row?.status, row?.cost_nanos], wanted === 200 ? ['completed', 9000n] : ['failed', 0n]);
    });
  }

  test('compressed although it was asked not to passes as it is', async () => {
    const body = gzipSync(good);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-length': body.length };
    await using engine = await startEngine((_, response) => response.writeHead(200, headers).end(body));
    await using eco = await open(engine);
    assert.equal(await (await eco.post(eco.secret, ask)).text(), good);
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.estimated], ['completed', 1]);
  });

  test('half and is cut breaks the answer and not the next one', async () => {
    await using engine = await startEngine(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      await write(response, `{"choices":["${'x'.repeat(200_000)}`);
      setTimeout(() => response.destroy(), 50);
    });
    await using eco = await open(engine);
    const response = await eco.post(eco.secret, ask);
    await assert.rejects(response.text());
    engine.behave = answer();
    assert.equal((await eco.post(eco.secret, ask)).status, 200);
    assert.deepEqual(
      (await eco.usage(2)).map((row) => row.status),
      ['upstream_cut', 'completed'],
    );
  });
});

const event = (value: object) => `data: ${JSON.stringify({ id: 'x', choices: [], ...value })}\n\n`;
const said = (index: number, delta: object, tokens?: number, finish_reason: string | null = null) =>
  event({ choices: [{ index, delta, finish_reason }], ...(tokens !== undefined && { usage: usageOf(5, tokens) }) });
const total = (tokens: number) => event({ usage: usageOf(5, tokens) });
const DONE = 'data: [DONE]\n\n';
const a = { content: 'a' };

describe('a stream is billed', { concurrency: 4, timeout: 30_000 }, () => {
  for (const [what, events, wanted] of [
    ['for the last total', [said(0, a), said(0, {}, undefined, 'stop'), total(7), DONE], [5, 7, 0]],
    [
      'for what came after a total that was not the last',
      [said(0, a, 1), total(1), said(0, a, 2), said(0, a, 3, 'stop'), DONE],
      [5, 3, 0],
    ],
    [
      'for content that no total counts',
      [said(0, a), total(1), said(0, a), said(0, a, undefined, 'stop'), DONE],
      [5, 3, 1],
    ],
    [
      'for content after the only count',
      [said(0, a, 1), said(0, a), said(0, a), said(0, a, undefined, 'stop'), DONE],
      [5, 4, 1],
    ],
    [
      'for tool calls alone',
      [said(0, { tool_calls: [{ index: 0 }] }, 1), said(0, {}, 9, 'tool_calls'), total(9), DONE],
      [5, 9, 0],
    ],
    [
      'for reasoning alone',
      [said(0, { reasoning_content: 'h' }, 1), said(0, { reasoning: 'h' }, 2, 'length'), DONE],
      [5, 2, 0],
    ],
    [
      'for every choice',
      [said(0, a, 1), said(1, a, 2), said(2, a, 3), said(0, a, 4), said(1, {}, 2, 'stop'), DONE],
      [5, 9, 0],
    ],
    ['for nothing when nothing came', [said(0, { role: 'assistant', content: '' }), DONE], [0, 0, 0]],
    [
      'by its events when the engine lies',
      [said(0, a, -3), event({ usage: usageOf(5, 2.5) }), said(0, a, 1e15, 'stop'), DONE],
      [21, 2, 1],
    ],
  ] as const) {
    test(what, async () => {
      await using engine = await startEngine((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const byte of Buffer.from(events.join(''))) response.write(Buffer.of(byte));
        response.end();
      });
      await using eco = await open(engine);
      const text = await (await eco.post(eco.secret, streamed)).text();
      assert.ok(text.endsWith(DONE));
      const [row] = await eco.usage();
      assert.deepEqual([row?.input_tokens, row?.output_tokens, row?.estimated], wanted);
    });
  }

  test('for what every choice had reached when its client left', async () => {
    await using engine = await startEngine((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write([said(0, a, 4), said(1, a, 2), said(2, a, 1), said(0, a, 5)].join(''));
    });
    await using eco = await open(engine);
    const leave = new AbortController();
    const response = await eco.post(eco.secret, { ...streamed, n: 3 }, { signal: leave.signal });
    await response.body?.getReader().read();
    leave.abort();
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.output_tokens, row?.estimated], ['client_closed', 8, 0]);
  });
});

describe('a body', { concurrency: 4, timeout: 30_000 }, () => {
  for (const [what, body, wanted] of [
    ['with a byte order mark', '\ufeff{"model":"chat"}', 400],
    ['ten thousand levels deep', `{"model":"chat","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 400],
    ['of megabytes that are not JSON', '['.repeat(8_000_000), 400],
    ['with something behind it', '{"model":"chat"}{"model":"other"}', 400],
    ['that names its model a million times', `{${'"model":"",'.repeat(1_000_000)}"model":"chat"}`, 400],
    ['with a million stream options', `{"model":"chat","stream":true${',"stream_options":{}'.repeat(1_000_000)}}`, 400],
    ['whose last model is another', '{"model":"chat","messages":[],"model":"other"}', 403],
    [
      'whose first model is another',
      '{"model":"other","messages":[],"model":"chat"}',
      '{"model":"served","messages":[],"model":"served"}',
    ],
    [
      'with absurd limits',
      '{"model":"chat","n":1e9,"max_tokens":9007199254740991}',
      '{"model":"served","n":1e9,"max_tokens":9007199254740991}',
    ],
    ['with limits below zero', '{"model":"chat","n":-1,"max_tokens":-5}', '{"model":"served","n":-1,"max_tokens":-5}'],
    [
      'with the model of another place',
      '{"__proto__":{"model":"other"},"model":"chat"}',
      '{"__proto__":{"model":"other"},"model":"served"}',
    ],
    ['spelled in escapes', '{"mod\\u0065l":"ch\\u0061t"}', '{"mod\\u0065l":"served"}'],
  ] as const) {
    test(`${what} is ${typeof wanted === 'number' ? 'refused' : 'forwarded as it was admitted'}`, async () => {
      await using engine = await startEngine();
      await using eco = await open(engine, { key: { allowed_models: '["chat"]' } });
      await eco.model('other', [engine]);
      const response = await eco.post(eco.secret, body);
      assert.equal(response.status, typeof wanted === 'number' ? wanted : 200, await response.text());
      assert.equal(engine.requests[0]?.text, typeof wanted === 'number' ? undefined : wanted);
    });
  }

  test('names an instance in escapes, and the engine sees its bare name', async () => {
    await using engine = await startEngine();
    await using eco = await open(engine);
    const { id } = await eco.instance(eco.accountId, [engine]);
    await eco.post(eco.secret, `{"model":"m\\u0069ne\\u003a${id}"}`);
    assert.equal(engine.requests[0]?.text, '{"model":"mine"}');
  });
});

test('a replica whose address is none counts as unreachable, and nothing stays in flight', async () => {
  await using engine = await startEngine();
  await using eco = await open({ address: 'fd00::1:8000' });
  const response = await eco.post(eco.secret, ask);
  assert.equal(response.status, 502);
  assert.match(await response.text(), /"code":"upstream_error"/);
  assert.equal((await eco.usage())[0]?.status, 'failed');
  await eco.model('both', [{ address: 'fd00::1:8000' }, engine]);
  for (let n = 0; n < 4; n++) assert.equal((await eco.post(eco.secret, { ...ask, model: 'both' })).status, 200);
});

test('an answer full of usages is read in no time', () => {
  const tail = Buffer.from(`{"x":{${'"usage":0,'.repeat(6_500)}"a":1}}`);
  const before = performance.now();
  assert.equal(findUsageInTail(tail), undefined);
  assert.ok(performance.now() - before < 100);
});

test('a key’s list of models means the model, by whichever of its names', async () => {
  await using engine = await startEngine();
  await using eco = await open(engine);
  await eco.model('other', [engine], { aliases: ['chitchat'] });
  for (const allowed of ['chat', 'talk', 'Talk']) {
    const { secret } = await eco.account(10, { allowed_models: JSON.stringify([allowed]) });
    for (const model of ['chat', 'talk', 'CHAT']) assert.equal((await eco.post(secret, { ...ask, model })).status, 200);
    for (const model of ['other', 'chitchat']) assert.equal((await eco.post(secret, { ...ask, model })).status, 403);
  }
});

describe('a hundred calls at once', { concurrency: 4, timeout: 30_000 }, () => {
  const dear = { ...ask, max_tokens: 100_000 }; // 0.20 dollars
  for (const [what, dollars, key] of [
    ['balance', 0.6, {}],
    ['spend cap', 100, { spend_cap_nanos: 600_000_000n }],
  ] as const) {
    test(`are admitted up to the ${what}, and not again while they are being settled`, async () => {
      const gate = Promise.withResolvers<void>();
      await using engine = await startEngine(async (request, response) => {
        await gate.promise;
        return answer({ usage: usageOf(5, 100_000) })(request, response);
      });
      await using eco = await open(engine, { dollars, key });
      let refused = 0;
      const calls = Array.from({ length: 100 }, async () => {
        const { status } = await eco.post(eco.secret, dear);
        if (status === 402) refused++;
        return status;
      });
      await until('all but three are refused', () => refused === 97);
      gate.resolve();
      const statuses = await Promise.all(calls);
      assert.equal(statuses.filter((each) => each === 200).length, 3);
      await eco.usage(3);
      for (let again = 0; again < 20; again++) assert.equal((await eco.post(eco.secret, dear)).status, 402);
    });
  }
});

describe('a client', { concurrency: 4, timeout: 30_000 }, () => {
  test('that pipelines two calls and leaves ends both', async () => {
    await using engine = await startEngine(hang);
    await using eco = await open(engine);
    const socket = await dial(eco);
    const body = JSON.stringify(ask);
    socket.write(raw(eco, body) + raw(eco, body));
    const calls = [await engine.request(0), await engine.request(1)];
    const left = performance.now();
    socket.destroy();
    for (const { aborted } of calls) assert.ok((await aborted) - left < 100);
    assert.deepEqual(
      (await eco.usage(2)).map((row) => row.status),
      ['client_closed', 'client_closed'],
    );
    const before = performance.now();
    await eco.gateway.drain(3_000);
    assert.ok(performance.now() - before < 500, 'nothing is waited for');
  });

  test('that pipelines gets its answers in order', async () => {
    await using engine = await startEngine();
    await using eco = await open(engine);
    const socket = await dial(eco);
    const body = JSON.stringify(ask);
    socket.write(
      raw(eco, body) + raw(eco, JSON.stringify(streamed)) + raw(eco, '{}') + raw(eco, body, 'connection: close\r\n'),
    );
    await once(socket, 'close');
    assert.deepEqual(socket.text().match(/HTTP\/1.1 \d+/g), [
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 400',
      'HTTP/1.1 200',
    ]);
  });

  test('that leaves two hundred times leaves nothing behind', async () => {
    let n = 0;
    await using engine = await startEngine((request, response) =>
      n++ % 3 === 0
        ? undefined
        : stream(['a', 'b'], { before: (index) => (index === 0 || n % 2 === 0 ? undefined : new Promise(() => {})) })(
            request,
            response,
          ),
    );
    await using eco = await open(engine, { settings: { body_budget_bytes: 100_000 } });
    const call = async (index: number) => {
      const socket = await dial(eco);
      const body = JSON.stringify({ ...ask, stream: index % 4 !== 0, pad: 'x'.repeat(3_000) });
      socket.write(index % 5 === 0 ? raw(eco, body).slice(0, -500) : raw(eco, body));
      await new Promise((resolve) => setTimeout(resolve, index % 17));
      socket.destroy();
    };
    for (let from = 0; from < 200; from += 20)
      await Promise.all(Array.from({ length: 20 }, (_, at) => call(from + at)));
    engine.behave = answer();
    const full = { ...ask, pad: 'x'.repeat(97_000) };
    await until('the bytes are given back', async () => (await eco.post(eco.secret, full)).status === 200);
    const before = performance.now();
    await eco.gateway.drain(3_000);
    assert.ok(performance.now() - before < 500, 'nothing is in flight');
    await until('one record each', async () => {
      const rows = await eco.usage(1);
      return rows.length >= engine.requests.length;
    });
    const rows = await eco.usage(1);
    assert.equal(new Set(rows.map((row) => row.id)).size, engine.requests.length);
  });

  test('that sends more than is taken is told so', async () => {
    await using engine = await startEngine();
    await using eco = await open(engine);
    const big = { ...ask, pad: 'x'.repeat(26 * 1024 * 1024) };
    await assert.rejects(eco.client(eco.secret).chat.completions.create(big as never), /413/);
    const exact = JSON.stringify({ ...ask, pad: '' });
    const most = 25 * 1024 * 1024;
    const body = JSON.stringify({ ...ask, pad: 'x'.repeat(most - exact.length) });
    assert.equal(Buffer.byteLength(body), most);
    assert.equal((await eco.post(eco.secret, body)).status, 200);
    assert.equal((await eco.post(eco.secret, `${body} `)).status, 413);
  });

  for (const [what, request, wanted] of [
    ['both framings', 'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['two lengths', 'content-length: 5\r\ncontent-length: 6\r\n\r\nhello!', 400],
    ['an unknown coding', 'transfer-encoding: gzip, chunked, x\r\n\r\n0\r\n\r\n', 400],
    ['a length of minus one', 'content-length: -1\r\n\r\n', 400],
    ['a folded header', 'x-a: b\r\n c\r\ncontent-length: 0\r\n\r\n', 400],
    ['a space before the colon', 'content-length : 0\r\n\r\n', 400],
    ['20 KB of headers', `x-a: ${'a'.repeat(20_000)}\r\ncontent-length: 0\r\n\r\n`, 431],
    ['another expectation', 'expect: a-miracle\r\ncontent-length: 2\r\n\r\n{}', 417],
    ['a chunk of a wrong size', 'transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n', 400],
  ] as const) {
    test(`with ${what} is refused with ${wanted}`, async () => {
      await using engine = await startEngine();
      await using eco = await open(engine);
      const socket = await dial(eco);
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${eco.secret}\r\n${request}`,
      );
      await until('an answer', () => socket.text().includes('\r\n\r\n'));
      assert.match(socket.text(), new RegExp(`^HTTP/1.1 ${wanted}`));
      assert.equal(engine.requests.length, 0);
      socket.destroy();
    });
  }

  test('that waits for 100 gets it and then its answer', async () => {
    await using engine = await startEngine();
    await using eco = await open(engine);
    const socket = await dial(eco);
    const body = JSON.stringify(ask);
    socket.write(head(eco, body.length, 'expect: 100-continue\r\n'));
    await until('100', () => socket.text().startsWith('HTTP/1.1 100'));
    socket.write(body);
    await until('200', () => socket.text().includes('HTTP/1.1 200'));
    socket.destroy();
  });

  test('goes on with its connection after every refusal', async () => {
    await using engine = await startEngine();
    await using eco = await open(engine);
    const socket = await dial(eco);
    const bodies = ['', '{', '[]', JSON.stringify({ ...ask, model: 'nothing' }), JSON.stringify(ask)];
    for (const [at, body] of bodies.entries()) {
      socket.write(raw(eco, body));
      await until('an answer', () => (socket.text().match(/HTTP\/1.1/g) ?? []).length === at + 1);
    }
    assert.deepEqual(socket.text().match(/1\.1 \d+/g), ['1.1 400', '1.1 400', '1.1 400', '1.1 404', '1.1 200']);
    socket.destroy();
  });
});
