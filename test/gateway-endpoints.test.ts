import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CatalogCategory, Prices } from '../sdk/contract/index.ts';
import { mp3, wav } from './fakes/audio.ts';
import { type Behaviour, type Engine, startEngine, usageOf } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';

const TOKENS: Prices = { input_per_1m: '1.00', output_per_1m: '2.00' };
const json =
  (value: unknown): Behaviour =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const text =
  (value: string, type = 'text/plain'): Behaviour =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': type }).end(value);
const audio =
  (value: Buffer, type: string): Behaviour =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': type }).end(value);
const events =
  (...values: unknown[]): Behaviour =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(values.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`).join(''));
  };
const form = (fields: Record<string, string | Buffer>) => {
  const entries = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string') entries.append(name, value);
    else entries.append(name, new Blob([new Uint8Array(value)]), 'upload');
  }
  return entries;
};

const BUDGET_BYTES = 4 * 1024 * 1024;
let models = 0;
let eco: Awaited<ReturnType<typeof startGateway>>;
before(async () => {
  eco = await startGateway({ body_budget_bytes: BUDGET_BYTES });
});
after(() => eco[Symbol.asyncDispose]());

/** A model of its own for an account of its own, on the one gateway. */
const open = async (engine: Engine, category: CatalogCategory, prices: Prices) => {
  const { id, secret } = await eco.account();
  const model = `m${String(++models).padStart(3, '0')}`;
  await eco.model(model, [engine], { category, prices });
  return { secret, model, usage: (count = 1) => eco.usage(count, id) };
};

const ONE_SECOND = wav(48_000);
const image = { b64_json: 'iVBORw0KGgo='.repeat(50) };
const documents = ['a', { text: 'b' }, 'c'];
const responseUsage = {
  input_tokens: 9,
  output_tokens: 4,
  total_tokens: 13,
  input_tokens_details: { cached_tokens: 3 },
};

interface Case {
  what: string;
  path: string;
  category: CatalogCategory;
  prices: Prices;
  /** Without `model`, which the test puts in, in forms behind the file. */
  body: Record<string, unknown> | (() => FormData);
  engine: Behaviour;
  /** What the record says beside the cost. */
  counts: Record<string, number>;
  cost: bigint;
}

const chatPrices = { category: 'chat', prices: TOKENS } as const;
const perImage = { category: 'image', prices: { per_image: '0.01' } } as const;
const perCharacter = { category: 'speech', prices: { per_1k_characters: '0.10' } } as const;
const perSecond = { category: 'speech', prices: { per_audio_second: '0.001' } } as const;
const heard = { category: 'transcription', prices: { per_audio_second: '0.001' } } as const;
const ranked = { category: 'reranker', prices: { per_1k_documents: '1.00' } } as const;
const spoken = { input: 'Hé😀', voice: 'a' };
const upload =
  (more: Record<string, string> = {}, file: Buffer = ONE_SECOND) =>
  () =>
    form({ file, ...more });

const cases: Case[] = [
  {
    what: 'completions are counted like chat',
    path: '/v1/completions',
    ...chatPrices,
    body: { prompt: 'a' },
    engine: json({ id: 'c', choices: [{ text: 'b', finish_reason: 'stop' }], usage: usageOf(3, 2) }),
    counts: { input_tokens: 3, output_tokens: 2, estimated: 0 },
    cost: 7000n,
  },
  {
    what: 'responses tell input and output, and what was cached',
    path: '/v1/responses',
    ...chatPrices,
    body: { input: 'a' },
    engine: json({ id: 'resp_1', object: 'response', output: [], usage: responseUsage, user: null, metadata: {} }),
    counts: { input_tokens: 9, cached_input_tokens: 3, output_tokens: 4, estimated: 0 },
    cost: 17_000n,
  },
  {
    what: 'embeddings have input only',
    path: '/v1/embeddings',
    category: 'embedding',
    prices: { input_per_1m: '1.00' },
    body: { input: ['a', 'b'] },
    engine: json({ data: [{ embedding: [0.1] }], usage: { prompt_tokens: 6, total_tokens: 6 } }),
    counts: { input_tokens: 6, output_tokens: 0, estimated: 0 },
    cost: 6000n,
  },
  {
    what: 'embeddings that tell a total alone',
    path: '/v1/embeddings',
    category: 'embedding',
    prices: { input_per_1m: '1.00' },
    body: { input: 'a' },
    engine: json({ data: [{ embedding: 'AAAA' }], usage: { total_tokens: 8 } }),
    counts: { input_tokens: 8, output_tokens: 0, estimated: 0 },
    cost: 8000n,
  },
  {
    what: 'embeddings without usage are estimated by the request, never by the vectors',
    path: '/v1/embeddings',
    category: 'embedding',
    prices: { input_per_1m: '1.00' },
    body: { input: 'x'.repeat(373) },
    engine: json({ data: [{ embedding: Array(2000).fill(0.125) }] }),
    counts: { input_tokens: 100, output_tokens: 0, estimated: 1 },
    cost: 100_000n,
  },
  {
    what: 'a ranking counts the documents asked, tokens as vLLM tells them',
    path: '/v1/rerank',
    ...ranked,
    body: { query: 'q', documents },
    engine: json({
      id: 'r',
      usage: { total_tokens: 56 },
      results: [{ index: 0, relevance_score: 1, document: { text: 'x'.repeat(90_000) } }],
    }),
    counts: { documents: 3, input_tokens: 56, output_tokens: 0, estimated: 0 },
    cost: 3_000_000n,
  },
  {
    what: 'a ranking in the form of Cohere',
    path: '/v1/rerank',
    ...ranked,
    body: { query: 'q', documents },
    engine: json({ results: [], meta: { billed_units: { search_units: 1 }, tokens: { input_tokens: 12 } } }),
    counts: { documents: 3, input_tokens: 12, estimated: 0 },
    cost: 3_000_000n,
  },
  {
    what: 'a ranking that tells nothing, as a bare list',
    path: '/v1/rerank',
    ...ranked,
    body: { query: 'q', documents },
    engine: json([{ index: 0, score: 1 }]),
    counts: { documents: 3, estimated: 1 },
    cost: 3_000_000n,
  },
  {
    what: 'images are the entries of the answer, not what was asked',
    path: '/v1/images/generations',
    ...perImage,
    body: { prompt: 'p', n: 3 },
    engine: json({ created: 1, data: [image, image] }),
    counts: { images: 2, input_tokens: 0, estimated: 0 },
    cost: 20_000_000n,
  },
  {
    what: 'images without a list are what was asked',
    path: '/v1/images/generations',
    ...perImage,
    body: { prompt: 'p', n: 3 },
    engine: json({ created: 1, images: 'elsewhere' }),
    counts: { images: 3, estimated: 1 },
    cost: 30_000_000n,
  },
  {
    what: 'images in a stream are those that were completed',
    path: '/v1/images/generations',
    ...perImage,
    body: { prompt: 'p', n: 2, stream: true },
    engine: events(
      { type: 'image_generation.partial_image', b64_json: 'AA' },
      { type: 'image_generation.completed', b64_json: 'AA' },
      { type: 'image_generation.completed', b64_json: 'AA', usage: { input_tokens: 5, output_tokens: 7 } },
    ),
    counts: { images: 2, input_tokens: 5, output_tokens: 7, streamed: 1, estimated: 0 },
    cost: 20_000_000n,
  },
  {
    what: 'edited images',
    path: '/v1/images/edits',
    ...perImage,
    body: () => form({ image: Buffer.from('PNG'), prompt: 'p' }),
    engine: json({ created: 1, data: [image], usage: { input_tokens: 5, output_tokens: 7, total_tokens: 12 } }),
    counts: { images: 1, input_tokens: 5, output_tokens: 7, estimated: 0 },
    cost: 10_000_000n,
  },
  {
    what: 'speech by characters as people count them',
    path: '/v1/audio/speech',
    ...perCharacter,
    body: spoken,
    engine: audio(ONE_SECOND, 'audio/wav'),
    counts: { characters: 3, audio_ms: 1000, input_tokens: 0, estimated: 0 },
    cost: 300_000n,
  },
  {
    what: 'speech by the seconds that were sent',
    path: '/v1/audio/speech',
    ...perSecond,
    body: { ...spoken, response_format: 'pcm' },
    engine: audio(Buffer.alloc(72_000, 'RIFX'), 'audio/pcm'),
    counts: { characters: 3, audio_ms: 1500, estimated: 0 },
    cost: 1_500_000n,
  },
  {
    what: 'speech in a format that does not tell',
    path: '/v1/audio/speech',
    ...perSecond,
    body: spoken,
    engine: audio(Buffer.alloc(5000, 'x'), 'application/octet-stream'),
    counts: { characters: 3, audio_ms: 210, estimated: 1 },
    cost: 210_000n,
  },
  {
    what: 'speech in events',
    path: '/v1/audio/speech',
    ...perSecond,
    body: { ...spoken, stream_format: 'sse' },
    engine: events(
      { type: 'speech.audio.delta', audio: ONE_SECOND.subarray(0, 20_000).toString('base64') },
      { type: 'speech.audio.delta', audio: ONE_SECOND.subarray(20_000).toString('base64') },
      { type: 'speech.audio.done', usage: { input_tokens: 2, output_tokens: 30, total_tokens: 32 } },
    ),
    counts: { characters: 3, audio_ms: 1000, output_tokens: 30, streamed: 1, estimated: 0 },
    cost: 1_000_000n,
  },
  {
    what: 'a transcription by the seconds that the engine tells',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload(),
    engine: json({ text: 'hi', usage: { type: 'duration', seconds: 2 } }),
    counts: { audio_ms: 2000, input_tokens: 0, output_tokens: 0, estimated: 0 },
    cost: 2_000_000n,
  },
  {
    what: 'a transcription by a duration that is a string',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload({ response_format: 'verbose_json' }),
    engine: json({ task: 'transcribe', duration: '1.2345', text: 'hi', segments: [{ start: 0, end: 1, text: 'hi' }] }),
    counts: { audio_ms: 1235, estimated: 0 },
    cost: 1_235_000n,
  },
  {
    what: 'a transcription as text, by the file',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload({ response_format: 'vtt' }),
    engine: text('WEBVTT\n\n00:00.000 --> 00:01.000\n{ hi }\n', 'text/vtt'),
    counts: { audio_ms: 1000, estimated: 0 },
    cost: 1_000_000n,
  },
  {
    what: 'a transcription of a file that nobody understands, by its size',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload({}, Buffer.alloc(8000, 'webm')),
    engine: json({ text: 'hi' }),
    counts: { audio_ms: 1000, estimated: 1 },
    cost: 1_000_000n,
  },
  {
    what: 'a transcription with tokens beside its length',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload(),
    engine: json({ text: 'hi', usage: { type: 'tokens', input_tokens: 10, output_tokens: 2, total_tokens: 12 } }),
    counts: { audio_ms: 1000, input_tokens: 10, output_tokens: 2, estimated: 0 },
    cost: 1_000_000n,
  },
  {
    what: 'a transcription in events',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload({ stream: 'true' }),
    engine: events(
      { type: 'transcript.text.delta', delta: 'hi' },
      { type: 'transcript.text.done', text: 'hi', usage: { type: 'duration', seconds: 3 } },
    ),
    counts: { audio_ms: 3000, streamed: 1, estimated: 0 },
    cost: 3_000_000n,
  },
  {
    what: 'a transcription in chunks, as vLLM streams it',
    path: '/v1/audio/transcriptions',
    ...heard,
    body: upload({ stream: 'true' }),
    engine: events(
      { object: 'transcription.chunk', choices: [{ delta: { content: 'hi' } }] },
      { object: 'transcription.chunk', choices: [{ delta: { content: '' }, finish_reason: 'stop' }] },
      { object: 'transcription.chunk', choices: [], usage: usageOf(20, 2) },
      '[DONE]',
    ),
    counts: { audio_ms: 1000, input_tokens: 20, output_tokens: 2, streamed: 1, estimated: 0 },
    cost: 1_000_000n,
  },
];

describe('every endpoint passes what came, and counts its units:', { concurrency: 4 }, () => {
  for (const { what, path, category, prices, body, engine: behave, counts, cost } of cases) {
    test(what, async () => {
      await using engine = await startEngine(behave);
      const { secret, model, usage } = await open(engine, category, prices);
      const ask = typeof body === 'function' ? body() : { ...body, model };
      if (ask instanceof FormData) ask.append('model', model);
      const request = new Request(`${eco.url}${path}`, {
        method: 'POST',
        body: ask instanceof FormData ? ask : JSON.stringify(ask),
        headers: {
          authorization: `Bearer ${secret}`,
          ...(!(ask instanceof FormData) && { 'content-type': 'application/json' }),
        },
      });
      const sent = Buffer.from(await request.clone().arrayBuffer());
      const type = request.headers.get('content-type');

      const response = await fetch(request);
      const answered = Buffer.from(await response.arrayBuffer());

      assert.equal(response.status, 200, answered.toString());
      assert.equal(response.headers.get('x-ecolink-region'), 'r0');
      assert.ok(answered.equals(await answerOf(engine)), 'the answer is the engine’s, byte by byte');
      const [seen] = engine.requests;
      assert.deepEqual([seen?.path, seen?.headers['content-type']], [path, type]);
      assert.ok(seen?.bytes.equals(withModel(sent, model)), 'the engine got every byte but the model');
      const [row] = await usage();
      assert.equal(row?.status, 'completed');
      for (const [name, wanted] of Object.entries(counts)) assert.equal(row?.[name as 'images'], wanted, name);
      assert.equal(row?.cost_nanos, cost);
    });
  }
});

/** The same answer without a gateway in between. */
async function answerOf(engine: Engine): Promise<Buffer> {
  const [first] = engine.requests;
  const direct = await fetch(`http://${engine.address}${first?.path}`, { method: 'POST', body: '{}' });
  return Buffer.from(await direct.arrayBuffer());
}

/** The bytes with the one place changed where the name of the model stands. */
function withModel(sent: Buffer, model: string): Buffer {
  const at = sent.indexOf(model);
  assert.ok(at > 0 && sent.indexOf(model, at + 1) < 0);
  return Buffer.concat([sent.subarray(0, at), Buffer.from('served'), sent.subarray(at + model.length)]);
}

test('mp3 speech is as long as its frames', async () => {
  const file = await mp3(1000);
  await using engine = await startEngine(audio(file, 'audio/mpeg'));
  const { secret, model, usage } = await open(engine, 'speech', { per_audio_second: '0.001' });
  const response = await eco.call(secret, '/v1/audio/speech', { model, input: 'Hello.' });
  assert.equal(response.headers.get('content-type'), 'audio/mpeg');
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(file));
  const [row] = await usage();
  assert.ok(row && row.audio_ms > 900 && row.audio_ms < 1200 && row.estimated === 0, `${row?.audio_ms} ms`);
});

describe('the openai package', { concurrency: 4 }, () => {
  const file = () => new File([new Uint8Array(ONE_SECOND)], 'a.wav', { type: 'audio/wav' });
  const client = async (behave: Behaviour, category: CatalogCategory) => {
    const scope = new AsyncDisposableStack();
    const engine = scope.use(await startEngine(behave));
    const prices = { ...TOKENS, per_image: '1', per_audio_second: '1' };
    const { secret, model } = await open(engine, category, prices);
    return Object.assign(eco.client(secret), { engine, model, [Symbol.asyncDispose]: () => scope.disposeAsync() });
  };

  test('embeds', async () => {
    const bytes = Buffer.from(new Float32Array([0.5, -1]).buffer).toString('base64');
    await using openai = await client(json({ object: 'list', data: [{ index: 0, embedding: bytes }] }), 'embedding');
    const { data } = await openai.embeddings.create({ model: openai.model, input: 'a' });
    assert.deepEqual(data[0]?.embedding, [0.5, -1]);
    assert.equal(openai.engine.requests[0]?.body.encoding_format, 'base64');
  });

  test('paints, and edits what was painted', async () => {
    await using openai = await client(json({ created: 1, data: [image] }), 'image');
    assert.equal(
      (await openai.images.generate({ model: openai.model, prompt: 'p' })).data?.[0]?.b64_json,
      image.b64_json,
    );
    const edited = await openai.images.edit({ model: openai.model, prompt: 'p', image: file() });
    assert.equal(edited.data?.[0]?.b64_json, image.b64_json);
  });

  test('speaks', async () => {
    await using openai = await client(audio(ONE_SECOND, 'audio/wav'), 'speech');
    const response = await openai.audio.speech.create({ model: openai.model, input: 'a', voice: 'alloy' });
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(ONE_SECOND));
  });

  test('transcribes, as JSON, as text and in a stream', async () => {
    await using openai = await client(json({ text: 'hi' }), 'transcription');
    const ask = { model: openai.model, file: file() };
    assert.equal((await openai.audio.transcriptions.create(ask)).text, 'hi');
    openai.engine.behave = text('1\n00:00:00,000 --> 00:00:01,000\nhi\n');
    assert.match(await openai.audio.transcriptions.create({ ...ask, response_format: 'srt' }), /^1\n00/);
    openai.engine.behave = events(
      { type: 'transcript.text.delta', delta: 'hi' },
      { type: 'transcript.text.done', text: 'hi' },
    );
    const heard = await Array.fromAsync(await openai.audio.transcriptions.create({ ...ask, stream: true }));
    assert.deepEqual(
      heard.map(({ type }) => type),
      ['transcript.text.delta', 'transcript.text.done'],
    );
  });

  test('completes', async () => {
    await using openai = await client(
      events({ choices: [{ text: 'a' }] }, { choices: [{ text: 'b', finish_reason: 'stop' }] }, '[DONE]'),
      'chat',
    );
    const chunks = await Array.fromAsync(
      await openai.completions.create({ model: openai.model, prompt: 'p', stream: true }),
    );
    assert.equal(chunks.map(({ choices }) => choices[0]?.text).join(''), 'ab');
    assert.deepEqual(openai.engine.requests[0]?.body.stream_options, {
      include_usage: true,
      continuous_usage_stats: true,
    });
  });
});

describe('the wrong endpoint names the right ones:', () => {
  const spread = [
    ['chat', '/v1/embeddings', /POST \/v1\/chat\/completions, POST \/v1\/completions, or POST \/v1\/responses/],
    ['vision', '/v1/rerank', /POST \/v1\/chat\/completions/],
    ['embedding', '/v1/completions', /POST \/v1\/embeddings/],
    ['reranker', '/v1/responses', /POST \/v1\/rerank/],
    ['image', '/v1/audio/speech', /POST \/v1\/images\/generations or POST \/v1\/images\/edits/],
    ['speech', '/v1/audio/transcriptions', /POST \/v1\/audio\/speech/],
    ['transcription', '/v1/audio/speech', /POST \/v1\/audio\/transcriptions/],
    ['video', '/v1/images/edits', /POST \/v1\/video\/generations/],
  ] as const;
  for (const [category, path, right] of spread) {
    test(`${category} at ${path}`, async () => {
      await using engine = await startEngine();
      const { secret, model } = await open(engine, category, {
        ...TOKENS,
        per_image: '1',
        per_audio_second: '1',
        per_video_second: '1',
      });
      const isForm = path.endsWith('s') && /edits|transcriptions/.test(path);
      const response = await eco.call(secret, path, isForm ? form({ model }) : { model, input: 'a' });
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      assert.deepEqual([response.status, error.code], [400, 'wrong_endpoint']);
      assert.match(error.message, right);
      assert.equal(engine.requests.length, 0);
    });
  }

  test('but a model for audio of one’s own answers on both', async () => {
    await using engine = await startEngine((request, response) =>
      (request.path.endsWith('speech') ? audio(ONE_SECOND, 'audio/wav') : json({ text: 'hi' }))(request, response),
    );
    const { id, secret } = await eco.account(0);
    const { ref } = await eco.instance(id, [engine], { workloadCategory: 'audio' });
    const spoken = await eco.call(secret, '/v1/audio/speech', { model: ref, input: 'a' });
    assert.equal((await spoken.arrayBuffer()).byteLength, ONE_SECOND.length);
    const written = await eco.call(secret, '/v1/audio/transcriptions', form({ file: ONE_SECOND, model: ref }));
    assert.deepEqual(await written.json(), { text: 'hi' });
    const rows = await eco.usage(2, id);
    assert.deepEqual(
      rows.map((row) => [row.audio_ms, row.cost_nanos]),
      [
        [1000, 0n],
        [1000, 0n],
      ],
    );
    assert.match(
      await (await eco.call(secret, '/v1/rerank', { model: ref })).text(),
      /audio\/speech or POST \/v1\/audio\/transcriptions/,
    );
  });
});

describe('what is wrong is said before anything is sent:', { concurrency: 4 }, () => {
  const speech = { path: '/v1/audio/speech', category: 'speech' } as const;
  const rerank = { path: '/v1/rerank', category: 'reranker' } as const;
  const transcribe = { path: '/v1/audio/transcriptions', category: 'transcription' } as const;
  const wrong: { path: string; category: CatalogCategory; body: object; param: string; says: RegExp }[] = [
    { ...rerank, body: { model: 'm', query: 'q' }, param: 'documents', says: /1 to 1000/ },
    { ...rerank, body: { model: 'm', documents: [] }, param: 'documents', says: /1 to 1000/ },
    { ...rerank, body: { model: 'm', documents: 'a' }, param: 'documents', says: /1 to 1000/ },
    { ...rerank, body: { model: 'm', documents: Array(1001).fill('') }, param: 'documents', says: /1 to 1000/ },
    { ...rerank, body: { documents }, param: 'model', says: /is missing/ },
    { ...speech, body: { model: 'm' }, param: 'input', says: /1 to 4000/ },
    { ...speech, body: { model: 'm', input: '' }, param: 'input', says: /1 to 4000/ },
    { ...speech, body: { model: 'm', input: ['a'] }, param: 'input', says: /1 to 4000/ },
    { ...speech, body: { model: 'm', input: '😀'.repeat(4001) }, param: 'input', says: /longer than 4000/ },
    { ...speech, body: { model: 'm', input: 'x'.repeat(100_000) }, param: 'input', says: /longer than 4000/ },
    { ...speech, body: form({ model: 'm', input: 'a' }), param: 'content-type', says: /takes JSON/ },
    { ...transcribe, body: form({ model: 'm' }), param: 'file', says: /is missing/ },
    { ...transcribe, body: form({ file: ONE_SECOND }), param: 'model', says: /is missing/ },
    {
      ...transcribe,
      body: form({ file: ONE_SECOND, model: 'm', stream: 'maybe' }),
      param: 'stream',
      says: /true or false/,
    },
    { ...transcribe, body: { model: 'm', file: 'x' }, param: 'content-type', says: /takes a form/ },
    {
      path: '/v1/images/edits',
      category: 'image',
      body: { model: 'm' },
      param: 'content-type',
      says: /takes a form/,
    },
    {
      path: '/v1/chat/completions',
      category: 'chat',
      body: { model: 'm', stream: 'true' },
      param: 'stream',
      says: /true or false/,
    },
    {
      path: '/v1/responses',
      category: 'chat',
      body: { model: 'm', stream: 1 },
      param: 'stream',
      says: /true or false/,
    },
  ];
  for (const { path, category, body, param, says } of wrong) {
    test(`${path} ${body instanceof FormData ? [...body.keys()] : JSON.stringify(body).slice(0, 40)}`, async () => {
      await using engine = await startEngine();
      const prices = { ...TOKENS, per_image: '1', per_audio_second: '1' };
      const { secret, model } = await open(engine, category, prices);
      const response = await eco.call(secret, path, naming(body, model));
      const { error } = (await response.json()) as { error: { code: string; param: string; message: string } };
      assert.deepEqual([response.status, error.code, error.param], [400, 'invalid_request', param], error.message);
      assert.match(error.message, says);
      assert.equal(engine.requests.length, 0);
    });
  }

  test('4000 characters of any kind are spoken', async () => {
    await using engine = await startEngine(audio(ONE_SECOND, 'audio/wav'));
    const { secret, model, usage } = await open(engine, 'speech', { per_1k_characters: '1.00' });
    const escaped = `{"model":"${model}","input":"${'\\ud83d\\ude00'.repeat(4000)}"}`;
    const response = await eco.call(secret, '/v1/audio/speech', Buffer.from(escaped));
    assert.equal(response.status, 200);
    await response.arrayBuffer();
    assert.equal((await usage())[0]?.characters, 4000);
  });

  test('null is no stream', async () => {
    await using engine = await startEngine();
    const { secret, model } = await open(engine, 'chat', TOKENS);
    assert.equal((await eco.call(secret, '/v1/chat/completions', { model, stream: null })).status, 200);
  });
});

/** With the model that a test has in place of `m`. */
function naming(body: object, model: string): object {
  if (!(body instanceof FormData)) return 'model' in body ? { ...body, model } : body;
  if (body.has('model')) body.set('model', model);
  return body;
}

test('an engine that tells no usage is not asked for it', async () => {
  await using engine = await startEngine(events({ choices: [{ delta: { content: 'a' } }] }, '[DONE]'));
  const { id, secret } = await eco.account();
  const { ref } = await eco.instance(id, [engine], { engine: 'infinity' });
  const response = await eco.call(secret, '/v1/chat/completions', { model: ref, stream: true });
  assert.match(await response.text(), /DONE/);
  assert.equal(engine.requests[0]?.body.stream_options, undefined);
  const [row] = await eco.usage(1, id);
  assert.deepEqual([row?.output_tokens, row?.estimated], [1, 1]);
});

test('all bytes of all requests were given back', () => {
  const { bytes } = eco.gateway.desk.core;
  assert.ok(bytes.take(BUDGET_BYTES));
  bytes.give(BUDGET_BYTES);
});
