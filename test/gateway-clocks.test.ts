import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { ByteBudget } from '../server/gateway/byte-budget.ts';
import { Clocks } from '../server/gateway/clocks.ts';
import { readBody } from '../server/gateway/listener.ts';
import { answer, type Behaviour, hang, startEngine, stream, write } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';
import { until } from './until.ts';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const never = new Promise<void>(() => {});
const rig = async (behave: Behaviour, settings: Parameters<typeof startGateway>[0]) => {
  const scope = new AsyncDisposableStack();
  const engine = scope.use(await startEngine(behave));
  const eco = scope.use(await startGateway(settings));
  const { secret } = await eco.account();
  await eco.model('chat', [engine]);
  const ask = (stream: boolean) => eco.post(secret, { model: 'chat', messages, stream });
  return { ...eco, secret, engine, ask, [Symbol.asyncDispose]: () => scope.disposeAsync() };
};
const errorOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;
const lastError = (text: string) => JSON.parse(text.trim().split('\n\n').at(-1)?.slice(6) ?? '').error.code;

describe('the clock', () => {
  test('of the first token fails every attempt, then the call with 504', async () => {
    await using eco = await rig(hang, { first_token_timeout_ms: 100 });
    const response = await eco.ask(true);
    assert.deepEqual([response.status, await errorOf(response)], [504, 'first_token_timeout']);
    assert.equal(eco.engine.requests.length, 3);
    await Promise.all(eco.engine.requests.map(({ aborted }) => aborted));
  });

  test('of the first token does not run for a call that is not streamed', async () => {
    await using eco = await rig((request, response) => void setTimeout(() => answer()(request, response), 400), {
      first_token_timeout_ms: 100,
      idle_timeout_ms: 100,
      queue_comment_ms: 100,
    });
    assert.equal((await eco.ask(false)).status, 200);
  });

  test('of silence between chunks ends the stream in-band, billed', async () => {
    await using eco = await rig(stream(['a', 'b'], { before: (index) => (index === 1 ? never : undefined) }), {
      idle_timeout_ms: 150,
    });
    const text = await (await eco.ask(true)).text();
    assert.equal(lastError(text), 'idle_timeout');
    await eco.engine.requests[0]?.aborted;
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.output_tokens], ['upstream_cut', 1]);
  });

  test('of the whole call ends both kinds', async () => {
    const tokens = Array.from({ length: 1000 }, String);
    const slowly = () => new Promise((resolve) => setTimeout(resolve, 20));
    await using eco = await rig(stream(tokens, { before: slowly }), { total_timeout_ms: 300 });
    assert.equal(lastError(await (await eco.ask(true)).text()), 'total_timeout');
    eco.engine.behave = hang;
    const response = await eco.ask(false);
    assert.deepEqual([response.status, await errorOf(response)], [504, 'total_timeout']);
    assert.equal(eco.engine.requests.length, 2, 'nobody else is asked when the time is up');
  });

  test('of a client that does not read ends its stream', async () => {
    const chunk = { choices: [{ index: 0, delta: { content: 'x'.repeat(65_536) } }] };
    await using eco = await rig(
      async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        while (!response.destroyed) await write(response, chunk);
      },
      { stalled_client_timeout_ms: 900, idle_timeout_ms: 500 },
    );
    const body = JSON.stringify({ model: 'chat', messages, stream: true });
    const socket = connect(Number(new URL(eco.url).port), '127.0.0.1').on('error', () => {});
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${eco.secret}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    const [row] = await eco.usage();
    assert.equal(row?.status, 'client_stalled');
    assert.ok(row.output_tokens > 0 && row.cost_nanos > 0n);
    socket.destroy();
  });

  test('of connecting does not let a call wait for what is not there', async () => {
    await using eco = await rig(answer(), { connect_timeout_ms: 150 });
    await eco.unreachableModel('away');
    const began = performance.now();
    const response = await eco.post(eco.secret, { model: 'away', messages });
    assert.equal(response.status, 502);
    assert.ok(performance.now() - began < 3000);
  });

  test('of waiting sends comments, and then says region and errors in-band', async () => {
    await using eco = await rig(stream(['a'], { before: () => new Promise((resolve) => setTimeout(resolve, 400)) }), {
      queue_comment_ms: 100,
    });
    const response = await eco.ask(true);
    assert.deepEqual([response.status, response.headers.get('x-ecolink-region')], [200, null]);
    const text = await response.text();
    assert.match(text, /^(: waiting for a replica\n\n){2,}: x-ecolink-region r0\n\ndata: /);
    assert.match(text, /\[DONE\]\n\n$/);
    eco.engine.behave = (_request, response) =>
      void setTimeout(() => response.writeHead(400).end('{"error":{"message":"no"}}'), 300);
    const refused = await eco.ask(true);
    assert.equal(refused.status, 200);
    assert.match(await refused.text(), /\n\ndata: \{"error":\{"message":"no"\}\}\n\n$/);
  });
});

test('an upload that stalls is refused with 408 and gives its bytes back', async () => {
  using clocks = new Clocks();
  const budget = new ByteBudget(100);
  let refused: { code?: string } | undefined;
  const server = http.createServer((request) => {
    readBody(request, { bytesMax: 1000, budget, clocks, stallTimeoutMs: 100 }).catch((error) => {
      refused = error;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 90\r\n\r\nhalf of it');
  await until('it is refused', () => refused);
  assert.equal(refused?.code, 'request_timeout');
  assert.ok(budget.take(100));
  socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('draining', () => {
  test('lets streams end and refuses what comes', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using eco = await rig(stream(['a', 'b'], { before: (index) => (index === 1 ? promise : undefined) }), {});
    const running = await eco.ask(true);
    const drained = eco.gateway.drain(10_000);
    const refused = await eco.ask(true);
    assert.deepEqual([refused.status, refused.headers.get('connection')], [503, 'close']);
    resolve();
    assert.match(await running.text(), /"b"[\s\S]*\[DONE\]/);
    await drained;
  });

  test('ends what takes too long with an error event and its bill', async () => {
    await using eco = await rig(stream(['a', 'b'], { before: (index) => (index === 1 ? never : undefined) }), {});
    const running = await eco.ask(true);
    await eco.gateway.drain(50);
    assert.equal(lastError(await running.text()), 'unavailable');
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.output_tokens], ['gateway_shutdown', 1]);
  });
});
