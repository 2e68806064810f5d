import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createChatCompletion,
  Eco,
  EcoError,
  followEvents,
  getWorkload,
  readLogs,
  WaitError,
  type Workload,
  waitForWorkload,
} from '../sdk/index.ts';
import { readDocuments, readEvents } from '../sdk/stream.ts';
import { isDeadEnd, isReached } from '../sdk/wait.ts';
import { type FakeApi, openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';

const client = (api: FakeApi, options = {}) => new Eco({ baseUrl: api.url, apiKey: 'eco_test', ...options });
const hello = { model: 'my-llama:142', messages: [{ role: 'user' as const, content: 'Hello' }] };

describe('streams', () => {
  const line = (text: string) => ({
    replica: '142-local-a-7x3k',
    region: 'local-a',
    at: 1,
    stream: 'stdout' as const,
    text,
  });
  const chunk = (content: string) => ({ id: 'c', choices: [{ index: 0, delta: { content } }] });
  const sse = (...events: unknown[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');

  test('log lines come as they are written, and leaving the loop closes the connection', async () => {
    await using api = await openFakeApi();
    const closed = Promise.withResolvers<void>();
    api.raw(readLogs, (res) => {
      res.once('close', () => closed.resolve());
      res.write(`${JSON.stringify(line('one'))}\n`);
    });
    for await (const { text } of client(api).workloads.logs(142, { follow: true, tail: 1 })) {
      assert.equal(text, 'one');
      break;
    }
    await closed.promise;
    assert.deepEqual(api.calls[0]?.input, { workload: '142', follow: 'true', tail: '1' });
  });

  test('following has no deadline for the first line, however short the one of calls', async () => {
    await using api = await openFakeApi();
    api.raw(readLogs, (res) => void setTimeout(() => res.end(`${JSON.stringify(line('late'))}\n`), 100));
    const eco = client(api, { timeoutMs: 20, maxRetries: 0 });
    assert.equal((await eco.workloads.logs(142, { follow: true }).next()).value?.text, 'late');
    await assert.rejects(eco.workloads.logs(142).next(), { code: 'request_timeout' });
  });

  test('a stream of lines that is cut throws', async () => {
    await using api = await openFakeApi();
    api.raw(followEvents, (res) => {
      res.write(`${JSON.stringify(documents.event())}\n`);
      res.write('{"object":"ev', () => res.destroy());
    });
    const seen: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const event of client(api).workloads.followEvents(142)) seen.push(event);
      },
      { code: 'stream_cut' },
    );
    assert.deepEqual(seen, [documents.event()]);
  });

  test('an error before the first line is the error of the call', async () => {
    await using api = await openFakeApi();
    api.on(readLogs, () => {
      throw new EcoError('not_found', 'No workload 9.');
    });
    await assert.rejects(client(api).workloads.logs(9).next(), { code: 'not_found', message: 'No workload 9.' });
  });

  test('chat streams its chunks up to [DONE]', async () => {
    await using api = await openFakeApi();
    api.raw(createChatCompletion, (res) => void res.end(`: hi\n\n${sse(chunk('Hel'), chunk('lo'))}data: [DONE]\n\n`));
    let text = '';
    for await (const { choices } of client(api).chat.stream(hello)) text += choices[0]?.delta.content;
    assert.equal(text, 'Hello');
    assert.deepEqual(api.calls[0]?.input, { ...hello, stream: true });
  });

  const cuts: [string, string, object][] = [
    ['without [DONE]', sse(chunk('Hel')), { code: 'stream_cut' }],
    ['inside an event', `${sse(chunk('Hel'))}data: {"id"`, { code: 'stream_cut' }],
    [
      'by an error event',
      `${sse(chunk('Hel'))}event: error\ndata: {"error":{"message":"The replica died.","type":"upstream_error","code":"upstream_error","param":null,"request_id":"req_5"}}\n\n`,
      { code: 'upstream_error', message: 'The replica died.', requestId: 'req_5' },
    ],
  ];
  for (const [name, body, expected] of cuts)
    test(`a chat that ends ${name} throws after what came`, async () => {
      await using api = await openFakeApi();
      api.raw(createChatCompletion, (res) => void res.end(body));
      let text = '';
      await assert.rejects(async () => {
        for await (const { choices } of client(api).chat.stream(hello)) text += choices[0]?.delta.content;
      }, expected);
      assert.equal(text, 'Hel');
      assert.equal(api.calls.length, 1);
    });

  test('an abort in the middle throws, and the server sees it', async () => {
    await using api = await openFakeApi();
    const closed = Promise.withResolvers<void>();
    api.raw(createChatCompletion, (res) => {
      res.once('close', () => closed.resolve());
      res.write(sse(chunk('Hel')));
    });
    const controller = new AbortController();
    await assert.rejects(
      async () => {
        for await (const _ of client(api).chat.stream(hello, { signal: controller.signal })) controller.abort();
      },
      { code: 'aborted' },
    );
    await closed.promise;
  });

  const chopped = fc.tuple(
    fc.array(fc.string({ unit: 'grapheme' })),
    fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
  );
  const collect = async <T>(rows: AsyncIterable<T>) => {
    const all: T[] = [];
    for await (const row of rows) all.push(row);
    return all;
  };

  test('lines and events are the same however the bytes are chopped', async () => {
    await fc.assert(
      fc.asyncProperty(chopped, fc.constantFrom('\n', '\r\n'), async ([texts, sizes], end) => {
        const rows = texts.map((text) => ({ text }));
        const lines = rows.map((row) => JSON.stringify(row) + end).join('');
        assert.deepEqual(await collect(readDocuments(chop(lines, sizes))), rows);
        const events = [...rows.map((row) => JSON.stringify(row)), '[DONE]'].map((data) => `data: ${data}${end}${end}`);
        assert.deepEqual(await collect(readEvents(chop(events.join(''), sizes))), rows);
      }),
    );
  });

  test('a chat cut at any byte before its end throws', async () => {
    const whole = new TextEncoder().encode(`${sse(chunk('Grüße'), chunk(' 👋'))}data: [DONE]\n\n`);
    for (let size = 0; size < whole.length - 1; size++)
      await assert.rejects(collect(readEvents(new Response(whole.slice(0, size)))), { code: 'stream_cut' });
    assert.equal((await collect(readEvents(new Response(whole)))).length, 2);
  });
});

function chop(text: string, sizes: Iterator<number>): Response {
  let rest = new TextEncoder().encode(text);
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        if (rest.length === 0) return controller.close();
        const size = sizes.next().value as number;
        controller.enqueue(rest.slice(0, size));
        rest = rest.slice(size);
      },
    }),
  );
}

describe('waiting', () => {
  /** A server that shows one state after another; a wait for a newer one than the last never answers. */
  async function openStates(...states: Partial<Workload>[]) {
    const api = await openFakeApi();
    const at = (revision: number) => documents.workload({ revision, ...states[revision - 1] });
    api.on(getWorkload, () => at(1));
    api.on(waitForWorkload, ({ revision }) =>
      revision < states.length ? at(revision + 1) : new Promise<never>(() => {}),
    );
    return api;
  }

  test('waitUntilRunning follows the revisions and tells each change', async () => {
    await using api = await openStates({ state: 'pending' }, { state: 'loading' }, { state: 'running' });
    const seen: string[] = [];
    const done = await client(api).instances.waitUntilRunning('my-llama', {
      onChange: ({ state }) => seen.push(state),
    });
    assert.equal(done.state, 'running');
    assert.deepEqual(seen, ['pending', 'loading', 'running']);
    assert.deepEqual(
      api.calls.map(({ url }) => url.split('?')[0]),
      ['/workloads/my-llama', '/workloads/142/wait', '/workloads/142/wait'],
    );
  });

  test('running from before the last change is not running', async () => {
    await using api = await openStates({ generation: 2 }, { generation: 2, observed_generation: 2 });
    assert.equal((await client(api).instances.waitUntilRunning(142)).revision, 2);
  });

  for (const state of ['failed', 'stopped', 'terminated'] as const)
    test(`waitUntilRunning rejects at once when it is ${state}`, async () => {
      const crash = {
        state,
        reason: 'crashed',
        message: 'python exited with 1.',
        hint: 'eco logs 142 --previous',
      } as const;
      await using api = await openStates({ state: 'loading' }, crash);
      await assert.rejects(client(api).instances.waitUntilRunning(142), (error: WaitError) => {
        assert.ok(error instanceof WaitError && error instanceof EcoError);
        assert.equal(error.code, 'workload_failed');
        assert.equal(error.message, `my-llama:142 is ${state} (crashed): python exited with 1.`);
        assert.equal(error.hint, 'eco logs 142 --previous');
        assert.deepEqual([error.workload?.state, error.workload?.reason], [state, 'crashed']);
        return true;
      });
    });

  test('stopped while a resume is not yet carried out is waited through', async () => {
    await using api = await openStates({ state: 'stopped', generation: 2 }, { generation: 2, observed_generation: 2 });
    assert.equal((await client(api).instances.waitUntilRunning(142)).state, 'running');
  });

  test('an answer that is no newer is not a change', async () => {
    await using api = await openStates({ state: 'loading' }, { state: 'running' });
    let rounds = 0;
    api.on(waitForWorkload, () =>
      documents.workload(rounds++ < 2 ? { state: 'loading', revision: 1 } : { revision: 2 }),
    );
    const seen: string[] = [];
    await client(api).instances.waitUntilRunning(142, { onChange: ({ state }) => seen.push(state) });
    assert.deepEqual([seen, rounds], [['loading', 'running'], 3]);
  });

  test('the deadline holds even before it was seen, and a very late one is no early one', async () => {
    await using api = await openStates({ state: 'loading' }, { state: 'running' });
    await client(api).instances.waitUntilRunning(142, { timeoutMs: 30 * 86_400_000 });
    api.raw(getWorkload, () => {});
    const waiting = client(api).instances.waitUntilRunning(142, { timeoutMs: 50 });
    await assert.rejects(waiting, { code: 'wait_timeout', message: /142 was never seen/ });
  });

  test('the deadline ends a wait that the server does not answer', async () => {
    await using api = await openStates({ state: 'loading', reason: 'loading_model', message: 'Loading weights.' });
    const waiting = client(api).instances.waitUntilRunning(142, { timeoutMs: 100 });
    await assert.rejects(waiting, {
      code: 'wait_timeout',
      message: /still loading \(loading_model\) after 0 s: Loading weights\./,
    });
  });

  test('an abort ends the wait', async () => {
    await using api = await openStates({ state: 'loading' });
    const controller = new AbortController();
    const options = { signal: controller.signal, onChange: () => controller.abort() };
    await assert.rejects(client(api).instances.waitUntilRunning(142, options), { code: 'aborted' });
  });

  test('no workload is both there and a dead end, and nothing is either while a change is under way but terminated', () => {
    for (const state of ['pending', 'running', 'stopped', 'failed', 'terminated'] as const)
      for (const wanted of [['running'], ['stopped'], ['terminated'], ['running', 'failed']] as const) {
        const current = documents.workload({ state });
        const behind = documents.workload({ state, generation: 2 });
        assert.ok(!(isReached(current, wanted) && isDeadEnd(current, wanted)));
        assert.ok(!isReached(behind, wanted));
        if (state !== 'terminated') assert.ok(!isDeadEnd(behind, wanted));
      }
  });
});
