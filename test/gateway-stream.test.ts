import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { type Engine, startEngine, stream, write } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';
import { until } from './until.ts';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const ask = { model: 'chat', messages, stream: true as const };
const openEngine = async (engine: Engine, settings = {}, engineName = 'vllm') => {
  const eco = await startGateway(settings);
  const { id, secret } = await eco.account();
  await eco.model('chat', [engine], { engine: engineName });
  return Object.assign(eco, { secret, accountId: id });
};
const gate = () => Promise.withResolvers<void>();
const dataOf = (text: string) =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice(6));

describe('a stream', () => {
  test('gives each chunk before the next one exists', async () => {
    const gates = [gate(), gate(), gate()];
    await using engine = await startEngine(stream(['a', 'b', 'c'], { before: (index) => gates[index]?.promise }));
    await using eco = await openEngine(engine);
    const response = eco.client(eco.secret).chat.completions.create(ask);
    gates[0]?.resolve();
    let seen = '';
    for await (const { choices } of await response) {
      seen += choices[0]?.delta.content ?? '';
      gates[seen.length]?.resolve();
    }
    assert.equal(seen, 'abc');
  });

  for (const [what, options, engineName, usages] of [
    ['nobody asked', undefined, 'vllm', [0, 0]],
    ['asked for', { include_usage: true }, 'vllm', [1, 0]],
    ['asked for continuously', { include_usage: true, continuous_usage_stats: true }, 'vllm', [1, 4]],
    ['nobody asked of another engine', undefined, 'tgi', [0, 0]],
    ['asked for of another engine', { include_usage: true }, 'tgi', [1, 0]],
  ] as const) {
    test(`shows usage as it was ${what}`, async () => {
      await using engine = await startEngine(stream(['"usage":{', '},"usage":null']));
      await using eco = await openEngine(engine, {}, engineName);
      const response = await eco.post(eco.secret, { ...ask, ...(options && { stream_options: options }) });
      const data = dataOf(await response.text());
      assert.equal(data.at(-1), '[DONE]');
      const chunks = data.slice(0, -1).map((text) => JSON.parse(text));
      const isFinal = (chunk: { choices: unknown[] }) => chunk.choices.length === 0;
      const counts = [chunks.filter(isFinal).length, chunks.filter((each) => !isFinal(each) && 'usage' in each).length];
      assert.deepEqual(counts, usages);
      assert.equal(chunks.map((each) => each.choices[0]?.delta.content ?? '').join(''), '"usage":{},"usage":null');
      const [row] = await eco.usage();
      assert.deepEqual([row?.input_tokens, row?.output_tokens, row?.estimated], [5, 2, 0]);
      assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
      assert.equal(response.headers.get('cache-control'), 'no-cache, no-transform');
      assert.equal(response.headers.get('x-accel-buffering'), 'no');
    });
  }

  test('passes a line of a megabyte, in pieces of any size', async () => {
    const content = 'ü'.repeat(512 * 1024);
    await using engine = await startEngine(stream(['a', content, 'z']));
    await using eco = await openEngine(engine);
    const chunks = await Array.fromAsync(await eco.client(eco.secret).chat.completions.create(ask));
    assert.equal(chunks.map((each) => each.choices[0]?.delta.content ?? '').join(''), `a${content}z`);
  });

  test('that never ends a line is cut with an error', async () => {
    await using engine = await startEngine(
      stream(['a'], {
        instead: async (response) => {
          while (!response.destroyed) await write(response, 'x'.repeat(65_536));
        },
      }),
    );
    await using eco = await openEngine(engine);
    const data = dataOf(await (await eco.post(eco.secret, ask)).text());
    assert.equal(JSON.parse(data.at(-1) ?? '').error.code, 'upstream_error');
  });

  test('that is cut ends with an error event and no [DONE], billed for what was seen', async () => {
    for (const instead of [(r: ServerResponse) => r.destroy(), (r: ServerResponse) => r.end()]) {
      await using engine = await startEngine(stream(['a', 'b'], { instead }));
      await using eco = await openEngine(engine);
      const data = dataOf(await (await eco.post(eco.secret, ask)).text());
      assert.ok(!data.includes('[DONE]'));
      assert.equal(JSON.parse(data.at(-1) ?? '').error.type, 'upstream_error');
      await assert.rejects(
        Array.fromAsync(await eco.client(eco.secret).chat.completions.create(ask)),
        /ended before|broke/,
      );
      for (const row of await eco.usage(2)) {
        assert.deepEqual([row.status, row.output_tokens, row.estimated, row.attempts], ['upstream_cut', 2, 0, 1]);
        assert.ok(row.cost_nanos > 0n);
      }
    }
  });

  test('with an error after content passes it on and ends', async () => {
    const instead = async (response: ServerResponse) => {
      await write(response, { error: { message: 'out of memory', type: 'x', code: null, param: null } });
      response.end('data: [DONE]\n\n');
    };
    await using engine = await startEngine(stream(['a'], { instead }));
    await using eco = await openEngine(engine);
    const data = dataOf(await (await eco.post(eco.secret, ask)).text());
    assert.equal(JSON.parse(data.at(-2) ?? '').error.message, 'out of memory');
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.output_tokens], ['upstream_cut', 1]);
  });

  test('without usage from the engine is counted and marked', async () => {
    await using engine = await startEngine(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const content of ['a', 'b', 'c']) await write(response, { choices: [{ index: 0, delta: { content } }] });
      response.end('data: [DONE]');
    });
    await using eco = await openEngine(engine);
    await (await eco.post(eco.secret, ask)).text();
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.output_tokens, row?.estimated], ['completed', 3, 1]);
  });
});

describe('a client that leaves', () => {
  const leave = async (engine: Engine, body: object, when: (engine: Engine) => Promise<unknown>) => {
    const eco = await openEngine(engine);
    const controller = new AbortController();
    const call = eco.post(eco.secret, body, { signal: controller.signal });
    call.catch(() => {});
    await when(engine);
    const { aborted } = await engine.request(0);
    const left = performance.now();
    controller.abort();
    const took = (await aborted) - left;
    assert.ok(took < 100, `the engine was told after ${took} ms`);
    const [row] = await eco.usage();
    assert.equal(engine.requests.length, 1, 'nobody else was asked');
    return Object.assign(eco, { row });
  };

  for (const isStream of [true, false]) {
    test(`before the head of ${isStream ? 'a stream' : 'an answer'} costs nothing`, async () => {
      await using engine = await startEngine(() => {});
      await using eco = await leave(engine, { ...ask, stream: isStream }, () => engine.request(0));
      assert.deepEqual([eco.row?.status, eco.row?.cost_nanos, eco.row?.input_tokens], ['client_closed', 0n, 0]);
    });
  }

  test('between two tokens pays for those it got', async () => {
    const before = (index: number) => (index < 2 ? undefined : new Promise(() => {}));
    await using engine = await startEngine(stream(['a', 'b', 'c'], { before }));
    await using eco = await openEngine(engine);
    const controller = new AbortController();
    const chunks = await eco.client(eco.secret).chat.completions.create(ask, { signal: controller.signal });
    let seen = '';
    for await (const { choices } of chunks) {
      seen += choices[0]?.delta.content ?? '';
      if (seen === 'ab') controller.abort();
    }
    await (await engine.request(0)).aborted;
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.input_tokens, row?.output_tokens, row?.estimated], ['client_closed', 5, 2, 0]);
  });
});

test('a slow client holds the engine back, and gets every byte', async () => {
  const chunk = { choices: [{ index: 0, delta: { content: 'x'.repeat(65_536) } }] };
  let sent = 0;
  const total = 400;
  await using engine = await startEngine(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (; sent < total && !response.destroyed; sent++) await write(response, chunk);
    response.end('data: [DONE]\n\n');
  });
  await using eco = await openEngine(engine);
  const body = JSON.stringify(ask);
  const socket = connect(Number(new URL(eco.url).port), '127.0.0.1');
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${eco.secret}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  socket.pause();
  await engine.request(0);
  let before = -1;
  await until('the engine stands still', () => {
    const isStill = before === sent && sent > 0;
    before = sent;
    return isStill;
  });
  assert.ok(sent < total, `the engine stood at ${sent} of ${total} chunks`);
  let received = 0;
  for await (const bytes of socket) received += bytes.length;
  assert.equal(sent, total);
  assert.ok(received > total * 65_536);
  assert.equal((await eco.usage())[0]?.status, 'completed');
});
