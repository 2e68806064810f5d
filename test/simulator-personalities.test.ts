import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { parseFaults } from '../server/cluster/simulator/faults.ts';
import type { SimulatorOptions } from '../server/cluster/simulator/options.ts';
import { type PersonalityName, personalityNames } from '../server/cluster/simulator/personalities/index.ts';
import { type Simulator, startSimulator } from '../server/cluster/simulator/start.ts';
import { until } from './until.ts';

const FAST = { ttftMs: 0, itlMs: 0, model: 'our-model', dimensions: 8 };
const CHAT = { model: 'our-model', messages: [{ role: 'user', content: 'one two three' }] };
const STREAM = { ...CHAT, stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };

const running = new Map<string, Promise<Simulator>>();
after(async () => {
  for (const simulator of running.values()) await (await simulator)[Symbol.asyncDispose]();
});

/** One simulator for each personality and its options. */
async function engineOf(personality: PersonalityName, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const key = JSON.stringify([personality, options]);
  const started = running.get(key) ?? startSimulator({ ...FAST, ...options, personality });
  running.set(key, started);
  const simulator = await started;
  await simulator.loaded;
  return simulator;
}

type Json = Record<string, unknown>;

interface Said {
  status: number;
  type: string | null;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever an engine says
  json: any;
}

async function say({ url }: Simulator, path: string, body?: object | string, method?: string): Promise<Said> {
  const response = await fetch(`${url}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type');
  const isJson = type?.startsWith('application/json') && text !== '';
  return {
    status: response.status,
    type,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

async function chunksOf(simulator: Simulator): Promise<Json[]> {
  const { text } = await say(simulator, '/v1/chat/completions', STREAM);
  const events = text.split('\n\n').filter((event) => event !== '');
  assert.equal(events.at(-1), 'data: [DONE]');
  return events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)));
}

// biome-ignore lint/suspicious/noExplicitAny: whatever an engine says
const choiceOf = (chunk: any) => chunk.choices[0];

type Row = [
  personality: PersonalityName,
  quirk: string,
  look: (engine: Simulator) => Promise<unknown>,
  expected: unknown,
];

const statusOf =
  (path: string, body?: object, method?: string) =>
  async (engine: Simulator): Promise<number> =>
    (await say(engine, path, body, method)).status;
const jsonOf = (path: string, body?: object | string) => async (engine: Simulator) =>
  (await say(engine, path, body)).json;
const names = async (engine: Simulator) =>
  (await say(engine, '/metrics')).text
    .split('\n')
    .flatMap((line) => (line.startsWith('# TYPE ') ? (line.split(' ')[2] ?? []) : []));
const has = (name: string) => async (engine: Simulator) => (await names(engine)).includes(name);
const metricsType = async (engine: Simulator) => (await say(engine, '/metrics')).type;
const unknownModel = { ...CHAT, model: 'other' };
const broken = { ...CHAT, messages: [] };
const usages = async (engine: Simulator) => (await chunksOf(engine)).map(({ usage }) => typeof usage);
const roles = async (engine: Simulator) =>
  (await chunksOf(engine)).flatMap((chunk) => choiceOf(chunk)?.delta.role ?? []);
const first = async (engine: Simulator) => choiceOf((await chunksOf(engine))[0]).delta;

const rows: Row[] = [
  ['vllm', 'health says nothing', async (e) => (await say(e, '/health')).text, ''],
  ['vllm', 'the cache gauge has its new name', has('vllm:kv_cache_usage_perc'), true],
  ['vllm', 'the old name is gone', has('vllm:gpu_cache_usage_perc'), false],
  ['vllm', 'time between tokens has its new name', has('vllm:inter_token_latency_seconds'), true],
  ['vllm', 'metrics are labelled by engine', async (e) => /engine="0"/.test((await say(e, '/metrics')).text), true],
  ['vllm', 'its metrics are Prometheus text', metricsType, 'text/plain; version=0.0.4'],
  [
    'vllm',
    'errors have an envelope',
    jsonOf('/v1/chat/completions', unknownModel),
    { error: { message: 'The model `other` does not exist.', type: 'NotFoundError', param: 'model', code: 404 } },
  ],
  ['vllm', 'an unknown path is told by the framework', jsonOf('/v1/nothing', {}), { detail: 'Not Found' }],
  ['vllm', 'continuous usage where it is asked for', async (e) => new Set(await usages(e)), new Set(['object'])],
  ['vllm', 'the role once', roles, ['assistant']],
  ['vllm', 'ping is health', statusOf('/ping'), 200],

  ['vllm-old', 'the cache gauge has its old name', has('vllm:gpu_cache_usage_perc'), true],
  ['vllm-old', 'the new name is not there yet', has('vllm:kv_cache_usage_perc'), false],
  ['vllm-old', 'time between tokens has its old name', has('vllm:time_per_output_token_seconds'), true],
  [
    'vllm-old',
    'errors are flat',
    jsonOf('/v1/chat/completions', unknownModel),
    { object: 'error', message: 'The model `other` does not exist.', type: 'NotFoundError', param: 'model', code: 404 },
  ],
  ['vllm-old', 'it cannot rerank', statusOf('/v1/rerank', { query: 'a', documents: ['b'] }), 404],
  ['vllm-old', 'ping is not there', statusOf('/ping'), 404],

  ['sglang', 'any model name will do', statusOf('/v1/chat/completions', unknownModel), 200],
  ['sglang', 'no metrics unless asked for', statusOf('/metrics'), 404],
  [
    'sglang',
    'errors are flat',
    async (e) => Object.keys((await say(e, '/v1/chat/completions', broken)).json).toSorted(),
    ['code', 'message', 'object', 'param', 'type'],
  ],
  ['sglang', 'a second health that generates', statusOf('/health_generate'), 200],
  ['sglang', 'tells about its model', async (e) => (await say(e, '/get_model_info')).json.model_path, 'our-model'],
  [
    'sglang',
    'absent fields are null',
    first,
    { role: 'assistant', content: '', reasoning_content: null, tool_calls: null },
  ],
  ['sglang', 'the role is null but in the first chunk', async (e) => choiceOf((await chunksOf(e))[1]).delta.role, null],
  ['sglang', 'says what stopped it', async (e) => choiceOf((await chunksOf(e))[0]).matched_stop, null],
  [
    'sglang',
    'usage is null where there is none',
    async (e) => (await say(e, '/v1/chat/completions', { ...CHAT, stream: true })).text.includes('"usage":null'),
    true,
  ],
  [
    'sglang',
    'reranks to a bare list',
    async (e) => Object.keys((await say(e, '/v1/rerank', { query: 'a', documents: ['a', 'b'] })).json[0]).toSorted(),
    ['document', 'index', 'score'],
  ],

  ['tgi', 'any model name will do', statusOf('/v1/chat/completions', unknownModel), 200],
  [
    'tgi',
    'errors are a text and a type, and 422',
    jsonOf('/v1/chat/completions', broken),
    { error: 'Input validation error: messages: must be a list of messages.', error_type: 'validation' },
  ],
  ['tgi', 'an unknown path has no body', async (e) => (await say(e, '/v1/embeddings', { input: 'a' })).text, ''],
  ['tgi', 'it makes no vectors', statusOf('/v1/embeddings', { input: 'a' }), 404],
  ['tgi', 'the queue gauge', has('tgi_queue_size'), true],
  ['tgi', 'the batch gauge', has('tgi_batch_current_size'), true],
  ['tgi', 'metrics have no labels', async (e) => /^tgi_queue_size 0$/m.test((await say(e, '/metrics')).text), true],
  ['tgi', 'the role in every chunk', async (e) => (await roles(e)).length, 4],
  ['tgi', 'no chunk for the role alone', first, { role: 'assistant', content: 'one' }],
  ['tgi', 'answers have no id', async (e) => (await say(e, '/v1/chat/completions', CHAT)).json.id, ''],
  [
    'tgi',
    'answers are signed',
    async (e) => (await say(e, '/v1/chat/completions', CHAT)).json.system_fingerprint,
    'simulated-native',
  ],
  ['tgi', 'usage at the end alone', async (e) => (await usages(e)).filter((type) => type === 'object').length, 1],
  [
    'tgi',
    'its own /generate stops at eos_token',
    async (e) => (await say(e, '/generate', { inputs: 'one two' })).json.details.finish_reason,
    'eos_token',
  ],
  [
    'tgi',
    'its own /generate gives the text',
    async (e) => (await say(e, '/generate', { inputs: 'one two', parameters: { max_new_tokens: 1 } })).json,
    {
      generated_text: 'one',
      details: { finish_reason: 'length', generated_tokens: 1, seed: null, prefill: [], tokens: [] },
    },
  ],
  ['tgi', 'the root is health', statusOf('/'), 200],
  ['tgi', 'tells its limits', async (e) => (await say(e, '/info')).json.model_id, 'our-model'],

  ['llama.cpp', 'health is a status', jsonOf('/health'), { status: 'ok' }],
  [
    'llama.cpp',
    'metrics are 501 unless asked for',
    jsonOf('/metrics'),
    {
      error: {
        code: 501,
        message: 'This server does not support metrics endpoint. Start it with `--metrics`',
        type: 'not_supported_error',
      },
    },
  ],
  [
    'llama.cpp',
    'an unknown path is a file',
    jsonOf('/v1/nothing', {}),
    { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } },
  ],
  ['llama.cpp', 'any model name will do', statusOf('/v1/chat/completions', unknownModel), 200],
  [
    'llama.cpp',
    'errors have types of OpenAI',
    async (e) => (await say(e, '/v1/chat/completions', broken)).json.error.type,
    'invalid_request_error',
  ],
  ['llama.cpp', 'it names itself', async (e) => (await say(e, '/health')).headers.get('server'), 'llama.cpp'],
  [
    'llama.cpp',
    'and signs',
    async (e) => (await say(e, '/v1/chat/completions', CHAT)).json.system_fingerprint,
    'b0-simulated',
  ],
  ['llama.cpp', 'the first chunk has no text at all', first, { role: 'assistant', content: null }],
  [
    'llama.cpp',
    'the last chunk has timings',
    async (e) => (await chunksOf(e)).at(-1)?.timings,
    { prompt_n: 7, predicted_n: 3 },
  ],
  ['llama.cpp', 'usage at the end alone', async (e) => (await usages(e)).filter((type) => type === 'object').length, 1],
  ['llama.cpp', 'paths without /v1', statusOf('/chat/completions', CHAT), 200],
  ['llama.cpp', 'slots', async (e) => (await say(e, '/slots')).json[0], { id: 0, is_processing: false }],
  ['llama.cpp', 'properties', async (e) => (await say(e, '/props')).json.model_alias, 'our-model'],

  [
    'tei',
    'vectors in a bare list',
    async (e) => (await say(e, '/embed', { inputs: ['a', 'b'] })).json.map((v: number[]) => v.length),
    [8, 8],
  ],
  ['tei', 'one vector too', async (e) => (await say(e, '/embed', { inputs: 'a' })).json.length, 1],
  ['tei', 'OpenAI’s path beside', async (e) => (await say(e, '/v1/embeddings', { input: 'a' })).json.data.length, 1],
  [
    'tei',
    'ranks in a bare list',
    async (e) =>
      (await say(e, '/rerank', { query: 'sea', texts: ['land', 'sea'] })).json.map((rank: Json) => [
        rank.index,
        Object.keys(rank),
      ]),
    [
      [1, ['index', 'score']],
      [0, ['index', 'score']],
    ],
  ],
  [
    'tei',
    'texts where asked for',
    async (e) => (await say(e, '/rerank', { query: 'sea', texts: ['land', 'sea'], return_text: true })).json[0].text,
    'sea',
  ],
  ['tei', 'no chat', statusOf('/v1/chat/completions', CHAT), 404],
  ['tei', 'no list of models', statusOf('/v1/models'), 404],
  [
    'tei',
    'errors are a text and a type, and 422',
    async (e) => (await say(e, '/rerank', { query: 'sea', texts: [] })).json.error_type,
    'validation',
  ],
  ['tei', 'the queue gauge', has('te_queue_size'), true],
  ['tei', 'tells its limits', async (e) => (await say(e, '/info')).json.served_model_name, 'our-model'],

  ['ollama', 'the root says it runs', async (e) => (await say(e, '/')).text, 'Ollama is running'],
  ['ollama', 'no /health', statusOf('/health'), 404],
  ['ollama', 'no metrics', statusOf('/metrics'), 404],
  [
    'ollama',
    'an unknown path is plain text',
    async (e) => (await say(e, '/v1/nothing', {})).text,
    '404 page not found',
  ],
  [
    'ollama',
    'an unknown model is to be pulled',
    jsonOf('/v1/chat/completions', unknownModel),
    {
      error: {
        message: 'model "other" not found, try pulling it first',
        type: 'not_found_error',
        param: null,
        code: null,
      },
    },
  ],
  ['ollama', 'its list of models', async (e) => (await say(e, '/api/tags')).json.models[0].name, 'our-model'],
  ['ollama', 'its version', async (e) => typeof (await say(e, '/api/version')).json.version, 'string'],
  ['ollama', 'signs', async (e) => (await chunksOf(e))[0]?.system_fingerprint, 'fp_ollama'],
  ['ollama', 'no chunk for the role alone', first, { role: 'assistant', content: 'one' }],
  ['ollama', 'the role in every chunk', async (e) => (await roles(e)).length, 4],
  ['ollama', 'usage at the end alone', async (e) => (await usages(e)).filter((type) => type === 'object').length, 1],
  [
    'ollama',
    'vectors of its own',
    async (e) => (await say(e, '/api/embed', { model: 'our-model', input: ['a'] })).json.embeddings[0].length,
    8,
  ],

  [
    'lmdeploy',
    'errors are flat with types of OpenAI',
    jsonOf('/v1/chat/completions', unknownModel),
    {
      object: 'error',
      message: 'The model `other` does not exist.',
      type: 'not_found_error',
      code: 404,
      param: 'model',
    },
  ],
  ['lmdeploy', 'health is a status', jsonOf('/health'), { status: 'healthy' }],
  ['lmdeploy', 'no metrics unless asked for', statusOf('/metrics'), 404],
  ['lmdeploy', 'usage at the end alone', async (e) => (await usages(e)).filter((type) => type === 'object').length, 1],
  ['lmdeploy', 'it makes no vectors', statusOf('/v1/embeddings', { input: 'a' }), 404],

  ['infinity', 'health tells the time', async (e) => typeof (await say(e, '/health')).json.unix, 'number'],
  ['infinity', 'paths without /v1', statusOf('/embeddings', { model: 'our-model', input: 'a' }), 200],
  ['infinity', 'none with it', statusOf('/v1/embeddings', { model: 'our-model', input: 'a' }), 404],
  [
    'infinity',
    'an unknown model is 400',
    async (e) => {
      const { status, json } = await say(e, '/embeddings', { model: 'other', input: 'a' });
      return [status, json.error.type, json.error.message.split(':')[0]];
    },
    [400, null, 'Invalid model'],
  ],
  [
    'infinity',
    'its models tell their queue',
    async (e) => Object.keys((await say(e, '/models')).json.data[0].stats),
    ['queue_fraction', 'queue_absolute', 'results_pending', 'batch_size'],
  ],
  [
    'infinity',
    'ranks as Cohere does',
    async (e) =>
      (await say(e, '/rerank', { model: 'our-model', query: 'sea', documents: ['land', 'sea'] })).json.results[0].index,
    1,
  ],
  ['infinity', 'metrics of its framework', has('http_requests_total'), true],
];

describe('a personality keeps its quirks', () => {
  for (const [personality, quirk, look, expected] of rows)
    test(`${personality}: ${quirk}`, async () => {
      assert.deepEqual(await look(await engineOf(personality)), expected);
    });

  test('every personality has some, and is well when it is', async () => {
    for (const personality of personalityNames) {
      assert.ok(
        rows.some(([name]) => name === personality),
        personality,
      );
      const path = personality === 'ollama' ? '/' : '/health';
      assert.equal((await say(await engineOf(personality), path)).status, 200, personality);
    }
  });

  for (const [personality, name] of [
    ['sglang', 'sglang:num_queue_reqs'],
    ['sglang', 'sglang:token_usage'],
    ['llama.cpp', 'llamacpp:requests_deferred'],
    ['lmdeploy', 'lmdeploy:gpu_cache_usage_perc'],
  ] as const)
    test(`${personality}: with --metrics there is ${name}`, async () => {
      assert.ok(await has(name)(await engineOf(personality, { metrics: true })));
    });

  test('llama.cpp: a rate is NaN before anything was generated', async () => {
    await using engine = await startSimulator({ ...FAST, personality: 'llama.cpp', metrics: true });
    await engine.loaded;
    assert.match((await say(engine, '/metrics')).text, /^llamacpp:predicted_tokens_seconds NaN$/m);
  });
});

describe('a personality overloads in its own words', () => {
  for (const [personality, path, body, status, said] of [
    ['vllm', '/v1/chat/completions', CHAT, 503, /"error":{.*queue is full/],
    ['sglang', '/v1/chat/completions', CHAT, 503, /"object":"error".*request queue is full/],
    ['tgi', '/v1/chat/completions', CHAT, 429, /{"error":"Model is overloaded","error_type":"overloaded"}/],
    ['tei', '/embed', { inputs: 'a' }, 429, /{"error":"Model is overloaded","error_type":"overloaded"}/],
    ['ollama', '/v1/chat/completions', CHAT, 503, /server busy, please try again/],
    ['infinity', '/embeddings', { model: 'our-model', input: 'a' }, 429, /currently overloaded/],
  ] as const)
    test(personality, async () => {
      await using engine = await startSimulator({ ...FAST, ttftMs: 300, personality, maxRunning: 1, maxQueue: 0 });
      await engine.loaded;
      const asks = await Promise.all([say(engine, path, body), say(engine, path, body)]);
      assert.deepEqual(asks.map((answer) => answer.status).toSorted(), [200, status].toSorted());
      assert.match(asks.find((answer) => answer.status === status)?.text ?? '', said);
    });
});

describe('a personality fails in its own words', () => {
  for (const [personality, path, body, status, said] of [
    ['vllm', '/v1/chat/completions', CHAT, 500, /InternalServerError/],
    ['tgi', '/v1/chat/completions', CHAT, 424, /"error_type":"generation"/],
    ['tei', '/embed', { inputs: 'a' }, 424, /"error_type":"backend"/],
    ['llama.cpp', '/v1/chat/completions', CHAT, 500, /"type":"server_error"/],
    ['ollama', '/v1/chat/completions', CHAT, 500, /"type":"api_error"/],
  ] as const)
    test(personality, async () => {
      const { url } = await engineOf(personality);
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'x-sim-fail': 'error-event' },
      });
      assert.equal(response.status, status);
      assert.match(await response.text(), said);
    });
});

describe('a personality loads in its own way', () => {
  const LOADING = { ...FAST, loadMs: 400 };
  const chat = (engine: Simulator) => say(engine, '/v1/chat/completions', CHAT);

  for (const personality of ['vllm-old', 'tgi', 'tei', 'lmdeploy', 'infinity'] as const)
    test(`${personality}: nobody listens until it has loaded`, async () => {
      await using engine = await startSimulator({ ...LOADING, personality });
      await assert.rejects(say(engine, '/health'), /fetch failed/);
      await engine.loaded;
      assert.equal((await say(engine, '/health')).status, 200);
    });

  test('sglang: nobody listens, then its health is 503 while it serves', async () => {
    await using engine = await startSimulator({ ...LOADING, personality: 'sglang' });
    await assert.rejects(say(engine, '/health'), /fetch failed/);
    const early = await until('it listens', () => say(engine, '/health').catch(() => undefined));
    assert.equal(early.status, 503);
    assert.equal((await chat(engine)).status, 200);
    await engine.loaded;
    assert.equal((await say(engine, '/health')).status, 200);
  });

  test('vllm: 503 from the start, or with --bind late nobody listens', async () => {
    await using early = await startSimulator({ ...LOADING, personality: 'vllm' });
    assert.deepEqual([(await say(early, '/health')).status, (await chat(early)).status], [503, 503]);
    await using late = await startSimulator({ ...LOADING, personality: 'vllm', bind: 'late' });
    await assert.rejects(say(late, '/health'), /fetch failed/);
  });

  test('tgi: with --bind early it is unwell until it has loaded', async () => {
    await using engine = await startSimulator({ ...LOADING, loadMs: 100, personality: 'tgi', bind: 'early' });
    const { status, json } = await say(engine, '/health');
    assert.deepEqual([status, json], [503, { error: 'unhealthy', error_type: 'healthcheck' }]);
    await engine.loaded;
    assert.equal((await say(engine, '/health')).status, 200);
  });

  test('ollama: a model that cannot be loaded fails the call, not the process', async () => {
    const fail = parseFaults('oom-on-load');
    await using engine = await startSimulator({ ...FAST, personality: 'ollama', fail });
    for (const _ of [1, 2]) assert.equal((await chat(engine)).status, 500);
    assert.equal((await say(engine, '/')).status, 200);
  });

  test('llama.cpp: the same 503 on every path', async () => {
    await using engine = await startSimulator({ ...LOADING, personality: 'llama.cpp' });
    for (const path of ['/health', '/v1/models', '/nothing']) {
      const { status, json } = await say(engine, path);
      assert.deepEqual(
        [status, json],
        [503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }],
      );
    }
  });

  test('ollama: is well with no model loaded, and the first call waits for it', async () => {
    await using engine = await startSimulator({ ...LOADING, loadMs: 200, personality: 'ollama' });
    const running = async () => (await say(engine, '/api/ps')).json.models.length;
    assert.deepEqual([(await say(engine, '/')).status, await running()], [200, 0]);
    const before = performance.now();
    assert.equal((await chat(engine)).status, 200);
    assert.ok(performance.now() - before >= 150);
    assert.equal(await running(), 1);
  });
});
