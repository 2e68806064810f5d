import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CatalogCategory, Prices } from '../sdk/contract/index.ts';
import type { Config } from '../server/config.ts';
import { wav } from './fakes/audio.ts';
import { type Behaviour, type Engine, hang, reset, startEngine, status, write } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';
import { until } from './until.ts';

const PRICES: Prices = {
  input_per_1m: '1.00',
  output_per_1m: '2.00',
  per_1k_characters: '1.00',
  per_audio_second: '0.001',
  per_image: '0.01',
};
const ONE_SECOND = wav(48_000);
const SPEECH = '/v1/audio/speech';
const say = { model: 'm', input: 'Hello, you there.' };
const respond = { model: 'm', input: 'Hello.', stream: true };

let shared: Awaited<ReturnType<typeof startGateway>>;
before(async () => {
  shared = await startGateway();
});
after(() => shared[Symbol.asyncDispose]());

let models = 0;

/** A model of its own for an account of its own; on a gateway of its own where that has other settings. */
const open = async (engines: Engine | Engine[], category: CatalogCategory, settings?: Partial<Config['gateway']>) => {
  const eco = settings ? await startGateway(settings) : shared;
  const { id, secret } = await eco.account();
  const name = `m${++models}`;
  await eco.model(name, [engines].flat(), { category, prices: PRICES });
  return {
    ...eco,
    name,
    secret,
    accountId: id,
    usage: (count = 1) => eco.usage(count, id),
    ask: (path: string, body: object, init?: RequestInit) => eco.call(secret, path, naming(body, name), init),
    [Symbol.asyncDispose]: async () => void (settings && (await eco[Symbol.asyncDispose]())),
  };
};

/** With the model that a test has in place of `m`. */
function naming(body: object, model: string): object {
  if (!(body instanceof FormData)) return { ...body, model };
  body.set('model', model);
  return body;
}
const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string } }).error;

const speak: Behaviour = (_request, response) =>
  response.writeHead(200, { 'content-type': 'audio/wav', 'content-length': ONE_SECOND.length }).end(ONE_SECOND);
/** Half a second, in pieces, then something else. */
const speakHalf =
  (then: Behaviour, headers = {}): Behaviour =>
  async (request, response) => {
    response.writeHead(200, { 'content-type': 'audio/wav', ...headers });
    for (let at = 0; at < 24_000; at += 8000) response.write(ONE_SECOND.subarray(at, at + 8000));
    response.write(ONE_SECOND.subarray(24_000, 24_044));
    await new Promise((resolve) => setTimeout(resolve, 30));
    return then(request, response);
  };
const json =
  (code: number, value: unknown): Behaviour =>
  (_request, response) =>
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));

describe('audio', { concurrency: 4 }, () => {
  test('passes as it comes: no chunk waits for the next', async () => {
    const second = Promise.withResolvers<void>();
    await using engine = await startEngine(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'audio/wav' });
      response.write(ONE_SECOND.subarray(0, 1000));
      await second.promise;
      response.end(ONE_SECOND.subarray(1000));
    });
    await using eco = await open(engine, 'speech');
    const response = await eco.ask(SPEECH, say);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    assert.equal((await reader.read()).value?.length, 1000);
    second.resolve();
    let rest = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) rest += piece.value.length;
    assert.equal(rest, ONE_SECOND.length - 1000);
  });

  test('keeps the length that the engine told, and the record is made before the last byte', async () => {
    await using engine = await startEngine(speak);
    await using eco = await open(engine, 'speech', { journal_fsync: 'never' });
    const response = await eco.ask(SPEECH, say);
    assert.equal(response.headers.get('content-length'), String(ONE_SECOND.length));
    await response.arrayBuffer();
    const journal = readdirSync(eco.journal)
      .map((name) => readFileSync(join(eco.journal, name), 'utf8'))
      .join('');
    assert.match(journal, /"type":"begin"/);
    assert.match(journal, /"type":"end"/);
  });

  for (const [what, then, headers] of [
    ['in chunks', reset, {}],
    ['of a known length', reset, { 'content-length': ONE_SECOND.length }],
  ] as const) {
    test(`that is cut ${what} breaks the connection, and costs what went out`, async () => {
      await using engine = await startEngine(speakHalf(then, headers));
      await using other = await startEngine(speak);
      await using eco = await open(engine, 'speech');
      const response = await eco.ask(SPEECH, say);
      await assert.rejects(response.arrayBuffer());
      const [row] = await eco.usage();
      assert.deepEqual(
        [row?.status, row?.audio_ms, row?.characters, row?.estimated, row?.attempts],
        ['upstream_cut', 500, 8, 1, 1],
      );
      assert.equal(other.requests.length, 0);
    });
  }

  test('moves to another replica before the first byte, and never after', async () => {
    for (const first of [
      reset,
      status(503),
      json(200, { error: { message: 'no voice' } }),
      json(200, { detail: 'oops' }),
      json(200, { object: 'error', message: 'x' }),
      (_: unknown, response: { writeHead(code: number, headers: object): { end(): void } }) =>
        response.writeHead(200, { 'content-type': 'audio/wav' }).end(),
    ] as Behaviour[]) {
      await using broken = await startEngine(first);
      await using good = await startEngine(speak);
      await using eco = await open([broken, good], 'speech');
      for (let time = 0; time < 8 && broken.requests.length === 0; time++) {
        const response = await eco.ask(SPEECH, say);
        assert.equal(response.status, 200);
        assert.equal((await response.arrayBuffer()).byteLength, ONE_SECOND.length);
      }
      assert.equal(broken.requests.length, 1);
    }
  });

  test('that is JSON and no error passes', async () => {
    await using engine = await startEngine(json(200, { audio: 'AAAA' }));
    await using eco = await open(engine, 'speech');
    assert.deepEqual(await (await eco.ask(SPEECH, say)).json(), { audio: 'AAAA' });
    const [row] = await eco.usage();
    assert.deepEqual([row?.characters, row?.estimated], [17, 1]);
  });

  test('that is a page of HTML does not', async () => {
    await using engine = await startEngine(status(200, '<html>login</html>'));
    await using eco = await open(engine, 'speech');
    const response = await eco.ask(SPEECH, say);
    assert.deepEqual([response.status, (await errorOf(response)).code], [502, 'upstream_error']);
  });

  test('waits longer than a first token may, but not for silence in its midst', async () => {
    await using engine = await startEngine(async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return speakHalf(hang)(request, response);
    });
    await using eco = await open(engine, 'speech', { first_token_timeout_ms: 100, idle_timeout_ms: 200 });
    const response = await eco.ask(SPEECH, { ...say, stream: true });
    assert.equal(response.status, 200);
    await assert.rejects(response.arrayBuffer());
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.audio_ms, row?.streamed], ['upstream_cut', 500, 0]);
  });

  test('is held back by a slow client, and arrives whole', async () => {
    let sent = 0;
    const total = 400;
    await using engine = await startEngine(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'audio/wav' });
      await write(response, wav(0, { declared: 0 }).toString('latin1'));
      for (; sent < total && !response.destroyed; sent++) await write(response, 'x'.repeat(65_536));
      response.end();
    });
    await using eco = await open(engine, 'speech');
    const response = await eco.ask(SPEECH, say);
    let before = -1;
    await until('the engine stands still', () => {
      const isStill = before === sent && sent > 0;
      before = sent;
      return isStill;
    });
    assert.ok(sent < total, `the engine stood at ${sent} of ${total}`);
    assert.ok((await response.arrayBuffer()).byteLength >= total * 65_536);
    assert.equal((await eco.usage())[0]?.status, 'completed');
  });
});

/** One after the other: it is about time. */
describe('audio for a client that leaves', () => {
  test('is stopped at the engine within 100 ms when the client leaves, and billed for what it got', async () => {
    await using engine = await startEngine(speakHalf(hang));
    await using eco = await open(engine, 'speech');
    const leave = new AbortController();
    const response = await eco.ask(SPEECH, say, { signal: leave.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let seen = 0; seen < 24_044; ) seen += (await reader.read()).value?.length ?? 0;
    const { aborted } = await engine.request(0);
    const left = performance.now();
    leave.abort();
    const took = (await aborted) - left;
    assert.ok(took < 100, `the engine was told after ${took} ms`);
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.audio_ms], ['client_closed', 500]);
  });

  test('before its first byte costs nothing when the client leaves', async () => {
    await using engine = await startEngine(hang);
    await using eco = await open(engine, 'speech');
    const leave = new AbortController();
    const call = eco.ask(SPEECH, say, { signal: leave.signal }).catch(() => {});
    const { aborted } = await engine.request(0);
    leave.abort();
    await Promise.all([aborted, call]);
    const [row] = await eco.usage();
    assert.deepEqual([row?.status, row?.cost_nanos, row?.characters], ['client_closed', 0n, 0]);
  });
});

describe('refusals of an engine come in the envelope', { concurrency: 4 }, () => {
  for (const [what, body, says] of [
    ['FastAPI', { detail: 'Voice not found' }, 'Voice not found'],
    [
      'an application on FastAPI',
      { detail: { error: 'validation_error', message: 'Voice not found' } },
      'Voice not found',
    ],
    [
      'FastAPI about a field',
      { detail: [{ type: 'missing', loc: ['body', 'voice'], msg: 'Field required' }] },
      'voice: Field required',
    ],
    ['text-embeddings-inference', { error: 'Input is too long', error_type: 'Validation' }, 'Input is too long'],
    ['something else', 'no', "The model's server refused the request (422)."],
  ] as const) {
    test(what, async () => {
      await using engine = await startEngine(status(422, body));
      await using eco = await open(engine, 'speech');
      const response = await eco.ask(SPEECH, say);
      assert.equal(response.status, 422);
      const error = await errorOf(response);
      assert.deepEqual([error.code, error.message], ['upstream_error', says]);
      const [row] = await eco.usage();
      assert.deepEqual([row?.status, row?.cost_nanos, row?.attempts], ['failed', 0n, 1]);
    });
  }
});

/** A stream of the Responses API; what stands behind the deltas is the test's. */
const responseStream =
  (deltas: readonly string[], last: unknown, then?: Behaviour): Behaviour =>
  async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (event: { type: string }) =>
      write(response, `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    const head = { id: 'resp_1', object: 'response', status: 'in_progress', output: [], usage: null };
    await send({ type: 'response.created', response: head } as { type: string });
    for (const delta of deltas) await send({ type: 'response.output_text.delta', delta } as { type: string });
    if (last) await send(last as { type: string });
    await new Promise((resolve) => setTimeout(resolve, 20));
    return then ? then(request, response) : response.end();
  };
const usage = { input_tokens: 11, output_tokens: 5, total_tokens: 16, input_tokens_details: { cached_tokens: 4 } };
const completed = { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [], usage } };
const RESPONSES = '/v1/responses';

describe('a stream of a response', { concurrency: 4 }, () => {
  test('passes to the openai client, with the usage of its last event', async () => {
    await using engine = await startEngine(responseStream(['Hel', 'lo.'], completed));
    await using eco = await open(engine, 'chat');
    let text = '';
    const types: string[] = [];
    for await (const event of await eco
      .client(eco.secret)
      .responses.create({ model: eco.name, input: 'Hello.', stream: true })) {
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    assert.equal(text, 'Hello.');
    assert.equal(types.at(-1), 'response.completed');
    assert.ok(!('stream_options' in (engine.requests[0]?.body ?? {})), 'nothing is added to the body');
    const [row] = await eco.usage();
    assert.deepEqual(
      [row?.status, row?.input_tokens, row?.cached_input_tokens, row?.output_tokens, row?.estimated, row?.streamed],
      ['completed', 11, 4, 5, 0, 1],
    );
  });

  test('that reaches its limit is complete', async () => {
    await using engine = await startEngine(responseStream(['a'], { type: 'response.incomplete', response: { usage } }));
    await using eco = await open(engine, 'chat');
    await (await eco.ask(RESPONSES, respond)).text();
    assert.deepEqual(
      (await eco.usage()).map((row) => [row.status, row.output_tokens]),
      [['completed', 5]],
    );
  });

  test('that is cut ends with an error that the openai client throws, and costs what was seen', async () => {
    await using engine = await startEngine(responseStream(['a', 'b', 'c'], undefined));
    await using eco = await open(engine, 'chat');
    const text = await (await eco.ask(RESPONSES, respond)).text();
    const [name, data] = text.trim().split('\n\n').at(-1)?.split('\n') ?? [];
    assert.equal(name, 'event: error');
    const { type, code, error } = JSON.parse(data?.slice(6) ?? '');
    assert.deepEqual([type, code, error.code], ['error', 'upstream_error', 'upstream_error']);
    assert.ok(!text.includes('[DONE]'));
    const thrown = eco.client(eco.secret).responses.create({ model: eco.name, input: 'a', stream: true });
    await assert.rejects(async () => Array.fromAsync(await thrown), /ended before/);
    for (const row of await eco.usage(2))
      assert.deepEqual([row.status, row.output_tokens, row.estimated], ['upstream_cut', 3, 1]);
  });

  test('that fails before any content moves to another replica', async () => {
    await using broken = await startEngine(
      responseStream([], { type: 'response.failed', response: { error: { code: 'server_error' } } }),
    );
    await using good = await startEngine(responseStream(['a'], completed));
    await using eco = await open([broken, good], 'chat');
    for (let time = 0; time < 8 && broken.requests.length === 0; time++)
      assert.match(await (await eco.ask(RESPONSES, respond)).text(), /response\.completed/);
    assert.equal(broken.requests.length, 1);
  });

  test('that fails after content passes its own words on, and nothing else', async () => {
    const failed = {
      type: 'response.failed',
      response: { error: { code: 'server_error', message: 'out of memory' }, usage },
    };
    await using engine = await startEngine(responseStream(['a'], failed));
    await using eco = await open(engine, 'chat');
    const text = await (await eco.ask(RESPONSES, respond)).text();
    assert.match(text.trim().split('\n\n').at(-1) ?? '', /out of memory/);
    assert.deepEqual(
      (await eco.usage()).map((row) => [row.status, row.output_tokens]),
      [['upstream_cut', 5]],
    );
  });

  test('waits with comments, and an error is then in-band', async () => {
    await using engine = await startEngine(async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 250));
      return json(400, { error: { message: 'too long', type: 'x', code: 'ctx', param: null } })(request, response);
    });
    await using eco = await open(engine, 'chat', { queue_comment_ms: 50 });
    const text = await (await eco.ask(RESPONSES, respond)).text();
    assert.match(text, /^: waiting/);
    assert.equal(JSON.parse(text.split('data: ')[1] ?? '').error.code, 'ctx');
  });
});

describe('an endpoint without streams', { concurrency: 4 }, () => {
  const embed = { model: 'm', input: 'a', stream: true };

  test('takes `stream` for nothing: no comments, no clock of a first token', async () => {
    await using engine = await startEngine(async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return json(200, { data: [], usage: { prompt_tokens: 2 } })(request, response);
    });
    await using eco = await open(engine, 'embedding', { first_token_timeout_ms: 100, queue_comment_ms: 50 });
    const response = await eco.ask('/v1/embeddings', embed);
    assert.deepEqual(await response.json(), { data: [], usage: { prompt_tokens: 2 } });
    assert.deepEqual(
      (await eco.usage()).map((row) => [row.input_tokens, row.streamed]),
      [[2, 0]],
    );
  });

  test('refuses events that nobody asked for', async () => {
    await using engine = await startEngine((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {}\n\n'),
    );
    await using eco = await open(engine, 'embedding');
    assert.equal((await eco.ask('/v1/embeddings', embed)).status, 502);
  });
});

describe('an image', { concurrency: 4 }, () => {
  const paint = { model: 'm', prompt: 'p', n: 4 };
  const image = { b64_json: 'A'.repeat(200_000) };

  test('is not hurried by the clocks of streams', async () => {
    await using engine = await startEngine(async (_request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      response.writeHead(200, { 'content-type': 'application/json' });
      await write(response, `{"data":[${JSON.stringify(image)},`);
      await new Promise((resolve) => setTimeout(resolve, 300));
      response.end(`${JSON.stringify(image)}]}`);
    });
    await using eco = await open(engine, 'image', { first_token_timeout_ms: 100, idle_timeout_ms: 100 });
    const { data } = (await (await eco.ask('/v1/images/generations', paint)).json()) as { data: unknown[] };
    assert.equal(data.length, 2);
    assert.deepEqual(
      (await eco.usage()).map((row) => [row.images, row.estimated]),
      [[2, 0]],
    );
  });

  test('that is cut off costs those that had begun', async () => {
    await using engine = await startEngine(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      await write(response, `{"data":[${JSON.stringify(image)},${JSON.stringify(image).slice(0, 100_000)}`);
      setTimeout(() => response.destroy(), 50);
    });
    await using eco = await open(engine, 'image');
    const response = await eco.ask('/v1/images/generations', paint);
    await assert.rejects(response.json());
    assert.deepEqual(
      (await eco.usage()).map((row) => [row.status, row.images, row.estimated]),
      [['upstream_cut', 2, 1]],
    );
  });
});

describe('uploads', { concurrency: 4 }, () => {
  const TRANSCRIBE = '/v1/audio/transcriptions';
  const upload = (bytes = 48_000) => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(wav(bytes))]), 'a.wav');
    form.append('model', 'm');
    return form;
  };
  const heard = json(200, { text: 'hi' });

  test('fail over whole, and the answer says which region it was', async () => {
    await using broken = await startEngine(status(503));
    await using good = await startEngine(heard);
    await using eco = await open([broken, good], 'transcription');
    for (let time = 0; time < 8 && broken.requests.length === 0; time++) {
      const response = await eco.ask(TRANSCRIBE, upload());
      assert.deepEqual([response.status, response.headers.get('x-ecolink-region')], [200, 'r1']);
      await response.text();
    }
    assert.equal(broken.requests.length, 1);
    assert.ok(good.requests.every(({ bytes }) => bytes.includes('name="model"\r\n\r\nserved\r\n')));
  });

  test('give their bytes back however they end', async () => {
    await using engine = await startEngine(heard);
    await using eco = await open(engine, 'transcription', { body_max_bytes: 100_000, body_budget_bytes: 120_000 });
    const big = () => upload(96_000);
    const ask = async (behave: Behaviour, wanted: number) => {
      engine.behave = behave;
      const response = await eco.ask(TRANSCRIBE, big());
      assert.equal(response.status, wanted);
      await response.text().catch(() => {});
    };
    await ask(heard, 200);
    await ask(status(400, { error: { message: 'no' } }), 400);
    await ask(status(500), 502);
    await ask(reset, 502);
    await ask(json(200, { error: { message: 'x' } }), 502);
    assert.equal((await eco.ask(TRANSCRIBE, upload(100_000))).status, 413);
    assert.equal((await eco.call('eco_wrong', TRANSCRIBE, big())).status, 401);
    assert.equal((await eco.ask('/v1/images/edits', big())).status, 400);
    engine.behave = hang;
    const leave = new AbortController();
    const held = eco.ask(TRANSCRIBE, big(), { signal: leave.signal }).catch(() => {});
    await until(
      'the first is in flight',
      () => engine.requests.some(({ bytes }) => bytes.length > 0) && engine.requests.length,
    );
    await until('it holds the budget', async () => {
      const full = await eco.ask(TRANSCRIBE, big());
      await full.text();
      return full.status === 503 && Number(full.headers.get('retry-after')) >= 1;
    });
    leave.abort();
    await held;
    await until('the bytes are back', async () => {
      engine.behave = heard;
      const again = await eco.ask(TRANSCRIBE, big());
      await again.text();
      return again.status === 200;
    });
  });
});

test('a call that cannot be sent is refused, and leaves nothing behind', async () => {
  await using engine = await startEngine();
  await using eco = await open(engine, 'chat', { body_budget_bytes: 1024 * 1024 });
  const { core } = eco.gateway.desk;
  const { send } = core.upstream;
  core.upstream.send = () => {
    throw new Error('no memory');
  };
  const ask = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(300_000) }] };
  for (let time = 0; time < 5; time++) {
    const response = await eco.ask('/v1/chat/completions', ask);
    assert.deepEqual([response.status, (await errorOf(response)).code], [500, 'internal']);
  }
  core.upstream.send = send;
  assert.equal((await eco.ask('/v1/chat/completions', ask)).status, 200, 'the bytes were given back');
  const rows = await eco.usage(6);
  assert.equal(rows.filter((row) => row.status === 'failed' && row.cost_nanos === 0n).length, 5);
  await until('nothing is owed any more', () => core.tab.owed(eco.accountId) === 0n);
  assert.equal(core.flights.size, 0);
});
