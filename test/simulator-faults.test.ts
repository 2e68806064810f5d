import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineFaults, faults, parseFaults } from '../server/cluster/simulator/faults.ts';
import { parseOptions, type SimulatorOptions } from '../server/cluster/simulator/options.ts';
import { openPace } from '../server/cluster/simulator/pace.ts';
import { type Simulator, startSimulator } from '../server/cluster/simulator/start.ts';
import { type RawAnswer, rawCall } from './raw-call.ts';
import { until } from './until.ts';

const FAST = { ttftMs: 0, itlMs: 0 };
const QUESTION = [{ role: 'user', content: 'one two three four five six' }];
const TOKENS = 6;
const STREAM = { model: 'm', messages: QUESTION, stream: true, stream_options: { include_usage: true } };
const WHOLE = { model: 'm', messages: QUESTION };
const CHAT = '/v1/chat/completions';
/** For what never ends on its own. */
const BRIEFLY_MS = 150;

let engine: Simulator;
before(async () => {
  engine = await startSimulator(FAST);
  await engine.loaded;
});
after(() => engine[Symbol.asyncDispose]());

const suffer = (fail: string, body: object = STREAM, { path = CHAT, forMs = 10_000 } = {}) =>
  rawCall({ port: engine.port, path, body, headers: { 'x-sim-fail': fail }, forMs });

const events = ({ body }: RawAnswer) =>
  body
    .toString('utf8')
    .split('\n\n')
    .filter((event) => event !== '');
const tokens = (answer: RawAnswer) => events(answer).filter((event) => /"delta":{"content":"[^"]/.test(event)).length;
const usageOf = (answer: RawAnswer) => JSON.parse((events(answer).at(-2) ?? '').slice('data: '.length)).usage;
const wholeUsage = ({ body }: RawAnswer) => JSON.parse(body.toString('utf8')).usage;

interface Seen {
  status?: number;
  ending?: RawAnswer['ending'];
  tokens?: number;
  /** Whether the stream came to its [DONE]. */
  done?: boolean;
}

describe('on the socket a stream that suffers', () => {
  const rows: [fail: string, seen: Seen, look?: (answer: RawAnswer) => void][] = [
    ['status-401', { status: 401, ending: 'closed', tokens: 0 }],
    ['status-404', { status: 404, ending: 'closed', tokens: 0 }],
    ['status-429', { status: 429, tokens: 0 }, ({ headers }) => assert.equal(headers['retry-after'], '1')],
    ['status-503', { status: 503, tokens: 0 }, ({ headers }) => assert.equal(headers['retry-after'], '1')],
    ['status-418', { status: 418, tokens: 0 }, ({ body }) => assert.match(String(body), /"code":418/)],
    [
      'html-502',
      { status: 502 },
      ({ headers, body }) =>
        assert.deepEqual([headers['content-type'], String(body).slice(0, 6)], ['text/html', '<html>']),
    ],
    [
      'error-200',
      { status: 200, done: false },
      ({ headers, body }) =>
        assert.ok(headers['content-type'] === 'application/json' && JSON.parse(String(body)).error),
    ],
    ['reset', { status: 0, ending: 'reset' }],
    ['hang', { status: 0, ending: 'open' }],
    [
      'headers-only',
      { status: 200, ending: 'open', tokens: 0 },
      ({ headers, body }) =>
        assert.deepEqual([headers['content-type'], body.length], ['text/event-stream; charset=utf-8', 0]),
    ],
    ['stall:0', { status: 200, ending: 'open', tokens: 0 }, (answer) => assert.equal(events(answer).length, 1)],
    ['stall:2', { status: 200, ending: 'open', tokens: 2 }],
    ['cut:3', { status: 200, ending: 'closed', tokens: 3, done: false }],
    ['cut:99', { status: 200, ending: 'closed', tokens: TOKENS, done: true }],
    ['reset-after:3', { status: 200, ending: 'reset', tokens: 3, done: false }],
    [
      'error-event:2',
      { status: 200, ending: 'closed', tokens: 2, done: true },
      (answer) => assert.match(events(answer).at(-2) ?? '', /^data: {"error":/),
    ],
    [
      'malformed:2',
      { status: 200, tokens: TOKENS, done: true },
      (answer) => assert.equal(events(answer)[3], 'data: {"id":'),
    ],
    [
      'half-event:2',
      { status: 200, ending: 'closed', done: false },
      (answer) => {
        assert.equal(events(answer).length, 1 + 2 + 1); // role, two tokens, and a half
        assert.deepEqual([...answer.body.subarray(-2)], [0x20, 0xe2]); // the first byte of three
      },
    ],
    [
      'big-event:1',
      { status: 200, tokens: TOKENS, done: true },
      (answer) => assert.ok((events(answer)[2]?.length ?? 0) > 1_000_000),
    ],
    [
      'no-done',
      { status: 200, ending: 'closed', tokens: TOKENS, done: false },
      (answer) => assert.match(events(answer).at(-1) ?? '', /"usage"/),
    ],
    [
      'no-usage',
      { status: 200, tokens: TOKENS, done: true },
      ({ body }) => assert.doesNotMatch(String(body), /"usage"/),
    ],
    [
      'wrong-usage',
      { done: true },
      (answer) => assert.equal(usageOf(answer).completion_tokens, (TOKENS + 1) * 1_000_000),
    ],
    ['wrong-usage:null', { done: true }, (answer) => assert.equal(usageOf(answer).completion_tokens, null)],
    [
      'wrong-usage:text',
      { done: true },
      (answer) => assert.equal(usageOf(answer).completion_tokens, `about ${TOKENS}`),
    ],
    ['wrong-usage:negative', { done: true }, (answer) => assert.equal(usageOf(answer).completion_tokens, -1 - TOKENS)],
    [
      'endless',
      { status: 200, ending: 'open', done: false },
      (answer) => assert.ok(tokens(answer) > TOKENS && !String(answer.body).includes('"stop"')),
    ],
    ['no-usage,no-done', { tokens: TOKENS, done: false }, ({ body }) => assert.doesNotMatch(String(body), /"usage"/)],
    [
      'malformed:1,cut:4',
      { ending: 'closed', tokens: 4, done: false },
      (answer) => assert.equal(events(answer)[2], 'data: {"id":'),
    ],
  ];
  for (const [fail, seen, look] of rows)
    test(fail, async () => {
      const answer = await suffer(fail, STREAM, seen.ending === 'open' ? { forMs: BRIEFLY_MS } : {});
      const done = events(answer).at(-1) === 'data: [DONE]';
      assert.deepEqual(
        { ...answer, tokens: tokens(answer), done, ...seen },
        { ...answer, tokens: tokens(answer), done },
      );
      look?.(answer);
      assert.equal(events(await suffer('cut:99')).at(-1), 'data: [DONE]', 'the next request is well');
    });

  test('each fault has a case', () => {
    const told = new Set(rows.flatMap(([fail]) => parseFaults(fail).map(({ kind }) => kind)));
    const elsewhere = ['slow', 'exit', 'exit-before', 'video-fails']; // below, and with the videos
    for (const kind of Object.keys(faults)) assert.ok(told.has(kind as never) || elsewhere.includes(kind), kind);
  });
});

describe('on the socket a whole answer that suffers', () => {
  for (const [fail, status, ending, look] of [
    ['cut', 0, 'closed', undefined],
    ['reset-after:2', 0, 'reset', undefined],
    ['stall', 0, 'open', undefined],
    ['headers-only', 200, 'open', undefined],
    ['error-event', 500, 'closed', ({ body }) => assert.match(String(body), /"error"/)],
    ['malformed', 200, 'closed', ({ body }) => assert.equal(String(body), '{"id":')],
    ['half-event', 200, 'closed', ({ body }) => assert.ok(body.length > 20 && !String(body).endsWith('}'))],
    ['no-usage', 200, 'closed', (answer) => assert.equal(wholeUsage(answer), undefined)],
    ['wrong-usage:null', 200, 'closed', (answer) => assert.equal(wholeUsage(answer).completion_tokens, null)],
  ] as [string, number, string, ((answer: RawAnswer) => void)?][])
    test(fail, async () => {
      const answer = await suffer(fail, WHOLE, ending === 'open' ? { forMs: BRIEFLY_MS } : {});
      assert.deepEqual([answer.status, answer.ending], [status, ending]);
      look?.(answer);
    });
});

describe('every service can suffer', () => {
  const speech = { model: 'm', input: 'one two three four five six', response_format: 'pcm' };
  const whole = () => rawCall({ port: engine.port, path: '/v1/audio/speech', body: speech });

  test('sound is cut, or stalls, after so many pieces', async () => {
    const { body } = await whole();
    for (const [fail, ending] of [
      ['cut:2', 'closed'],
      ['reset-after:2', 'reset'],
      ['stall:2', 'open'],
    ] as const) {
      const answer = await suffer(fail, speech, { path: '/v1/audio/speech', forMs: BRIEFLY_MS });
      assert.deepEqual([answer.status, answer.ending], [200, ending]);
      assert.ok(answer.body.length > 0 && answer.body.length < body.length, fail);
    }
  });

  test('vectors, ranks and pictures fail, or lie about what they used', async () => {
    for (const [path, body] of [
      ['/v1/embeddings', { model: 'm', input: 'a' }],
      ['/v1/rerank', { model: 'm', query: 'a', documents: ['a'] }],
      ['/v1/images/generations', { model: 'm', prompt: 'a', size: '64x64' }],
    ] as const) {
      assert.equal((await suffer('status-500', body, { path })).status, 500, path);
      assert.equal((await suffer('malformed', body, { path })).body.toString(), '{"id":', path);
      assert.equal((await suffer('cut', body, { path })).status, 0, path);
    }
    const lied = await suffer('wrong-usage:text', { model: 'm', input: 'a' }, { path: '/v1/embeddings' });
    assert.equal(wholeUsage(lied).prompt_tokens, 'about 1');
  });

  test('a plain completion and a response are counted by their tokens too', async () => {
    const completion = await suffer(
      'cut:2',
      { model: 'm', prompt: 'one two three', stream: true },
      { path: '/v1/completions' },
    );
    assert.equal(events(completion).length, 2);
    const response = await suffer(
      'cut:2',
      { model: 'm', input: 'one two three', stream: true },
      { path: '/v1/responses' },
    );
    assert.equal(String(response.body).split('response.output_text.delta"').length - 1, 2);
  });
});

describe('slowness', () => {
  const timed = async (options: Partial<SimulatorOptions>, headers: Record<string, string> = {}) => {
    await using slow = await startSimulator({ ttftMs: 20, itlMs: 10, ...options });
    await slow.loaded;
    const start = performance.now();
    await rawCall({ port: slow.port, path: CHAT, body: STREAM, headers });
    return performance.now() - start;
  };

  test('slow:factor stretches every token of the request', async () => {
    assert.ok((await timed({}, { 'x-sim-fail': 'slow:4' })) >= 4 * (20 + (TOKENS - 1) * 10) - 5);
  });

  const CALM = { ttftMs: 100, itlMs: 10, ttftJitterMs: 0, itlJitterMs: 0, timeFactorUnderLoad: 1, maxRunning: 5 };

  test('jitter stays within its bounds, and is the same for the same seed', () => {
    const take = (seed: number) => {
      const pace = openPace({ ...CALM, ttftJitterMs: 50, itlJitterMs: 5 }, { turns: { taken: 1 }, seed, factor: 1 });
      return [pace.firstMs(), ...Array.from({ length: 50 }, () => pace.nextMs())];
    };
    const [first = 0, ...next] = take(7);
    assert.ok(first >= 50 && first <= 150 && next.every((ms) => ms >= 5 && ms <= 15));
    assert.ok(new Set(next).size > 40);
    assert.deepEqual(take(7), [first, ...next]);
    assert.notDeepEqual(take(8), [first, ...next]);
  });

  test('under load each token takes longer, up to the factor when all turns are taken', () => {
    const at = (taken: number) =>
      openPace({ ...CALM, timeFactorUnderLoad: 3 }, { turns: { taken }, seed: 1, factor: 1 }).nextMs();
    assert.deepEqual([at(1), at(3), at(5)], [10, 20, 30]);
  });
});

describe('a fault of the whole engine', () => {
  const started = async (fail: string, options: Partial<SimulatorOptions> = {}) => {
    const simulator = await startSimulator({ ...FAST, fail: parseFaults(fail), ...options });
    await simulator.loaded;
    return simulator;
  };
  const ask = (port: number, path: string, body?: object) =>
    rawCall({ port, path, ...(body ? { body } : { method: 'GET' }), forMs: 400 });

  test('unhealthy: its health fails while it serves', async () => {
    await using ill = await started('unhealthy');
    assert.deepEqual([(await ask(ill.port, '/health')).status, (await ask(ill.port, CHAT, WHOLE)).status], [503, 200]);
  });

  test('hang: its health is fine while it answers nothing', async () => {
    await using hung = await started('hang');
    assert.deepEqual(
      [(await ask(hung.port, '/health')).status, (await ask(hung.port, CHAT, WHOLE)).ending],
      [200, 'open'],
    );
  });

  test('slow-health: its health takes so long while it serves', async () => {
    await using slow = await started('slow-health:0.2');
    const start = performance.now();
    assert.equal((await ask(slow.port, CHAT, WHOLE)).status, 200);
    assert.ok(performance.now() - start < 190);
    assert.equal((await ask(slow.port, '/health')).status, 200);
    assert.ok(performance.now() - start >= 195);
  });

  test('wrong-name: it lists another model, and refuses its own', async () => {
    await using wrong = await started('wrong-name', { model: 'our-model' });
    assert.match(String((await ask(wrong.port, '/v1/models')).body), /"id":"other-model"/);
    const chat = async (model: string) => (await ask(wrong.port, CHAT, { ...WHOLE, model })).status;
    assert.deepEqual([await chat('our-model'), await chat('other-model')], [404, 200]);
  });

  test('one for the whole engine, or none that is known, is refused in the header', async () => {
    for (const fail of ['unhealthy', 'sneeze', 'cut:x']) {
      const { status, body } = await suffer(fail);
      assert.equal(status, 400);
      assert.match(JSON.parse(String(body)).error.message, /^x-sim-fail: "/);
    }
  });
});

describe('the process', () => {
  const program = fileURLToPath(new URL('../server/cluster/simulator/main.ts', import.meta.url));

  async function startProgram(...args: string[]) {
    const child = spawn(process.execPath, [program, '--port', '0', '--ttft', '0', '--itl', '0', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    let port = 0;
    let trace = '';
    createInterface(child.stdout).on('line', (line) => {
      port ||= Number(/Listening on .*:(\d+)$/.exec(line)?.[1] ?? 0);
    });
    child.stderr.on('data', (text) => {
      trace += text;
    });
    const stop = async () => {
      child.kill('SIGKILL');
      await exited;
    };
    const isWell = async () => port > 0 && (await fetch(`http://127.0.0.1:${port}/health`)).ok;
    const listening = () => until('it serves', () => isWell().catch(() => false));
    return { child, exited, listening, port: () => port, trace: () => trace, [Symbol.asyncDispose]: stop };
  }

  for (const [fail, sent] of [
    ['exit-before', 0],
    ['exit:3', 3],
  ] as const)
    test(`${fail}: ends with exit code 1 after ${sent} tokens`, async () => {
      await using started = await startProgram();
      await started.listening();
      const answer = await rawCall({ port: started.port(), path: CHAT, body: STREAM, headers: { 'x-sim-fail': fail } });
      assert.deepEqual([tokens(answer), await started.exited], [sent, [1, null]]);
    });

  for (const fail of ['crash-on-load', 'oom-on-load'])
    test(`${fail}: ends with exit code 1 and a trace, and nothing was ever served`, async () => {
      await using started = await startProgram('--fail', fail, '--bind', 'late');
      assert.deepEqual(await started.exited, [1, null]);
      assert.equal(started.port(), 0);
      assert.match(started.trace(), fail === 'oom-on-load' ? /Traceback[\s\S]*OutOfMemoryError/ : /RuntimeError/);
    });

  test('rude-sigterm: an answer under way is cut', async () => {
    await using started = await startProgram('--fail', 'rude-sigterm', '--itl', '20ms', '--tokens', '200');
    await started.listening();
    const answering = rawCall({ port: started.port(), path: CHAT, body: STREAM });
    await until('it answers', async () =>
      /running{[^}]*} 1/.test(await (await fetch(`http://127.0.0.1:${started.port()}/metrics`)).text()),
    );
    started.child.kill('SIGTERM');
    const answer = await answering;
    assert.notEqual(events(answer).at(-1), 'data: [DONE]');
    assert.deepEqual(await started.exited, [1, null]);
  });

  test('ignore-sigterm: it goes on', async () => {
    await using started = await startProgram('--fail', 'ignore-sigterm');
    await started.listening();
    started.child.kill('SIGTERM');
    assert.equal(events(await rawCall({ port: started.port(), path: CHAT, body: STREAM })).at(-1), 'data: [DONE]');
    assert.equal(started.child.exitCode, null);
  });

  test('each fault of the engine is tried here or above', () => {
    const tried = [
      'unhealthy',
      'slow-health',
      'wrong-name',
      'ignore-sigterm',
      'rude-sigterm',
      'crash-on-load',
      'oom-on-load',
    ];
    assert.deepEqual(Object.keys(engineFaults), tried);
  });
});

describe('while it runs', () => {
  const change = (port: number, body: object) => rawCall({ port, path: '/sim/options', body });

  test('options are changed from this machine', async () => {
    await using changing = await startSimulator(FAST);
    await changing.loaded;
    const ask = () => rawCall({ port: changing.port, path: CHAT, body: STREAM });
    assert.equal(JSON.parse(String((await change(changing.port, { tokens: 2, fail: 'no-done' })).body)).tokens, 2);
    const answer = await ask();
    assert.deepEqual([tokens(answer), events(answer).at(-1)?.includes('DONE')], [2, false]);
    await change(changing.port, { fail: '', personality: 'tgi' });
    assert.match(String((await ask()).body), /simulated-native[\s\S]*DONE/);
  });

  test('those who wait are let in when more may run', async () => {
    await using full = await startSimulator({ ttftMs: 200, itlMs: 0, maxRunning: 1 });
    await full.loaded;
    const asks = Array.from({ length: 4 }, () => rawCall({ port: full.port, path: CHAT, body: WHOLE }));
    const waiting = async () => String((await rawCall({ port: full.port, method: 'GET', path: '/metrics' })).body);
    await until('three wait', async () => /num_requests_waiting{[^}]*} 3/.test(await waiting()));
    await change(full.port, { 'max-running': 4 });
    assert.match(await waiting(), /num_requests_running{[^}]*} 4/);
    for (const { status } of await Promise.all(asks)) assert.equal(status, 200);
  });

  test('what is fixed, unknown or wrong is told, and nothing changes', async () => {
    await using changing = await startSimulator(FAST);
    for (const [body, said] of [
      [{ port: 1 }, /--port: is decided when it starts/],
      [{ speed: 1 }, /"speed" is not an option/],
      [{ itl: 'soon', tokens: 3 }, /--itl: must be a duration/],
    ] as const) {
      const { status, body: told } = await change(changing.port, body);
      assert.equal(status, 400);
      assert.match(JSON.parse(String(told)).error.message, said);
    }
    assert.equal(JSON.parse(String((await change(changing.port, {})).body)).tokens, undefined);
  });

  test('who answered stands in the headers', async () => {
    const { replica, region } = parseOptions([], { ECO_REPLICA: 'rep_1', ECO_REGION: 'local-a' });
    await using named = await startSimulator({ ...FAST, replica, region });
    await named.loaded;
    for (const path of ['/health', '/nothing']) {
      const { headers } = await rawCall({ port: named.port, method: 'GET', path });
      assert.deepEqual([headers['x-sim-replica'], headers['x-sim-region']], ['rep_1', 'local-a']);
    }
    assert.equal((await suffer('cut:99')).headers['x-sim-replica'], undefined);
  });
});
