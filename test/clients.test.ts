import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { embedMany, generateImage, generateSpeech, generateText, streamText, transcribe } from 'ai';
import OpenAI, { toFile } from 'openai';
import type { UsageRow } from '../sdk/index.ts';
import { startEco, type TestEco } from './harness.ts';
import { models, servePlatformModels } from './platform-models.ts';
import { finish, root } from './run-eco.ts';
import { until } from './until.ts';

const TEXT = 'one two three';
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
const RUN_TIMEOUT_MS = 30_000;
const python = process.env.ECO_TEST_PYTHON ?? 'python3';
const hasPythonClient = spawnSync(python, ['-c', 'import openai']).status === 0;

/** Clients that others wrote, unchanged, against every endpoint of the inference API. */
describe('clients', () => {
  let server: TestEco;
  let openai: OpenAI;
  const base = () => ({ baseURL: `${server.url}/v1`, apiKey: server.apiKey });

  before(async () => {
    server = await startEco();
    await servePlatformModels(server, ['--video-time', '100ms']);
    openai = new OpenAI({ ...base(), maxRetries: 0 });
  });
  after(() => server[Symbol.asyncDispose]());

  describe('the openai package', () => {
    const messages = [{ role: 'user' as const, content: TEXT }];

    test('chats, with tools and in JSON', async () => {
      const { choices } = await openai.chat.completions.create({ model: models.chat, messages });
      assert.equal(choices[0]?.message.content, TEXT);
      const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
      const called = await openai.chat.completions.create({
        model: models.chat,
        messages,
        tools: [{ type: 'function', function: { name: 'weather', parameters } }],
        tool_choice: 'required',
      });
      const call = called.choices[0]?.message.tool_calls?.[0];
      assert.ok(call?.type === 'function');
      assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
      const format = { type: 'json_object' as const };
      const json = await openai.chat.completions.create({ model: models.chat, messages, response_format: format });
      assert.equal(typeof JSON.parse(json.choices[0]?.message.content ?? ''), 'object');
    });

    test('completes a text', async () => {
      const whole = await openai.completions.create({ model: models.chat, prompt: TEXT });
      assert.ok(whole.choices[0]?.text);
      const stream = await openai.completions.create({ model: models.chat, prompt: TEXT, stream: true });
      const pieces = await Array.fromAsync(stream);
      assert.equal(pieces.map((each) => each.choices[0]?.text ?? '').join(''), whole.choices[0].text);
    });

    test('asks for responses', async () => {
      const whole = await openai.responses.create({ model: models.chat, input: TEXT });
      assert.equal(whole.output_text, TEXT);
      const events = await Array.fromAsync(
        await openai.responses.create({ model: models.chat, input: TEXT, stream: true }),
      );
      assert.equal(events.at(-1)?.type, 'response.completed');
      const deltas = events.flatMap((event) => (event.type === 'response.output_text.delta' ? [event.delta] : []));
      assert.equal(deltas.join(''), TEXT);
    });

    test('embeds', async () => {
      const { data } = await openai.embeddings.create({ model: models.embedding, input: ['a cat', 'a kitten'] });
      assert.deepEqual(
        data.map(({ index }) => index),
        [0, 1],
      );
      const [vector = []] = data.map(({ embedding }) => embedding);
      assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3);
    });

    test('ranks', async () => {
      const documents = ['Bread is baked.', 'The sky is blue.', 'Why the sky is blue'];
      const { results } = await openai.post<{ results: { index: number; relevance_score: number }[] }>('/rerank', {
        body: { model: models.reranker, query: 'Why is the sky blue?', documents },
      });
      assert.equal(results.length, 3);
      assert.notEqual(results[0]?.index, 0);
      const scores = results.map((each) => each.relevance_score);
      assert.deepEqual(
        scores,
        scores.toSorted((a, b) => b - a),
      );
    });

    test('makes and edits images', async () => {
      const made = await openai.images.generate({ model: models.image, prompt: 'a cat', size: '256x256' });
      const bytes = Buffer.from(made.data?.[0]?.b64_json ?? '', 'base64');
      assert.deepEqual(bytes.subarray(0, 4), PNG);
      const image = await toFile(bytes, 'cat.png', { type: 'image/png' });
      const edited = await openai.images.edit({ model: models.image, prompt: 'a hat', image, size: '256x256' });
      assert.deepEqual(Buffer.from(edited.data?.[0]?.b64_json ?? '', 'base64').subarray(0, 4), PNG);
    });

    test('speaks, and hears what was spoken', async () => {
      const spoken = await openai.audio.speech.create({
        model: models.speech,
        voice: 'af_bella',
        input: TEXT,
        response_format: 'wav',
      });
      assert.match(spoken.headers.get('content-type') ?? '', /^audio\//);
      const sound = Buffer.from(await spoken.arrayBuffer());
      assert.equal(sound.toString('latin1', 0, 4), 'RIFF');
      const seconds = (sound.length - 44) / 48_000; // 24 kHz, mono, 16 bits
      const file = await toFile(sound, 'speech.wav');
      const hear = { model: models.transcription, file };
      assert.ok((await openai.audio.transcriptions.create(hear)).text);
      const verbose = await openai.audio.transcriptions.create({ ...hear, response_format: 'verbose_json' });
      assert.ok(Math.abs(Number(verbose.duration) - seconds) < 0.01, `${verbose.duration} s, spoken ${seconds} s`);
      const subtitles = await openai.audio.transcriptions.create({ ...hear, response_format: 'srt' });
      assert.match(String(subtitles), /00:00:00,000 --> /);
    });

    test('orders a video, fetches it and deletes it', async () => {
      interface Job {
        id: string;
        status: string;
        video_url: string;
      }
      const { id } = await openai.post<Job>('/video/generations', { body: { model: models.video, prompt: 'a cat' } });
      const job = await until('a completed video', async () => {
        const job = await openai.get<Job>(`/video/generations/${id}`);
        return job.status === 'completed' && job;
      });
      const video = await fetch(job.video_url, { headers: { authorization: `Bearer ${server.apiKey}` } });
      assert.match(video.headers.get('content-type') ?? '', /^video\//);
      assert.ok((await video.arrayBuffer()).byteLength > 1000);
      await openai.delete(`/video/generations/${id}`);
      await assert.rejects(openai.get(`/video/generations/${id}`), { status: 404 });
    });

    test('lists models', async () => {
      const ids = (await Array.fromAsync(openai.models.list())).map(({ id }) => id);
      assert.deepEqual(
        Object.values(models).filter((model) => !ids.includes(model)),
        [],
      );
    });

    test('is told the right endpoint of each category', async () => {
      for (const [category, model] of Object.entries(models)) {
        const wrong =
          category === 'embedding'
            ? openai.chat.completions.create({ model, messages })
            : openai.embeddings.create({ model, input: TEXT });
        const right = { chat: '/v1/chat/completions', embedding: '/v1/embeddings', reranker: '/v1/rerank' }[category];
        await assert.rejects(wrong, (error: InstanceType<typeof OpenAI.APIError>) => {
          assert.deepEqual([error.status, error.code, error.param], [400, 'wrong_endpoint', 'model']);
          assert.ok(error.message.includes(right ?? '/v1/'), error.message);
          return true;
        });
      }
    });

    test('what it did is metered in the units of each category', async () => {
      const usage = await until('usage of all models', async () => {
        const rows = await Array.fromAsync(server.eco.billing.usage({ group_by: 'model', limit: 100 }));
        const byModel = new Map(rows.map((row) => [row.model, row]));
        return Object.values(models).every((model) => byModel.has(model)) && byModel;
      });
      const of = (category: keyof typeof models) => usage.get(models[category]) as UsageRow;
      assert.ok(of('chat').input_tokens > 0 && of('chat').output_tokens > 0);
      assert.ok(of('embedding').input_tokens > 0 && of('embedding').output_tokens === 0);
      assert.equal(of('reranker').documents, 3);
      assert.equal(of('image').images, 2);
      assert.equal(of('speech').characters, TEXT.length);
      assert.ok(of('transcription').audio_seconds > 0.9);
      assert.ok(of('video').video_seconds > 2);
      for (const row of usage.values()) assert.ok(Number(row.cost) > 0, `${row.model} cost ${row.cost}`);
      assert.deepEqual((await server.admin.admin.audit()).findings, []);
    });
  });

  describe('the ai package', () => {
    const provider = () => createOpenAI(base());

    test('chats, whole and streamed, by either API', async () => {
      const model = provider().chat(models.chat);
      assert.equal((await generateText({ model, prompt: TEXT, maxRetries: 0 })).text, TEXT);
      assert.equal((await Array.fromAsync(streamText({ model, prompt: TEXT }).textStream)).join(''), TEXT);
      const responses = provider().responses(models.chat);
      assert.equal((await generateText({ model: responses, prompt: TEXT, maxRetries: 0 })).text, TEXT);
    });

    test('embeds', async () => {
      const model = provider().embedding(models.embedding);
      const { embeddings } = await embedMany({ model, values: ['a cat', 'a kitten'], maxRetries: 0 });
      assert.equal(embeddings.length, 2);
    });

    test('makes an image', async () => {
      const model = provider().image(models.image);
      const { image } = await generateImage({ model, prompt: 'a cat', size: '256x256', maxRetries: 0 });
      assert.deepEqual(Buffer.from(image.uint8Array.subarray(0, 4)), PNG);
    });

    test('speaks and hears', async () => {
      const speech = { model: provider().speech(models.speech), text: TEXT, outputFormat: 'wav', maxRetries: 0 };
      const { audio } = await generateSpeech(speech);
      const { text } = await transcribe({
        model: provider().transcription(models.transcription),
        audio: audio.uint8Array,
        maxRetries: 0,
      });
      assert.ok(text);
    });
  });

  test('the Python client', { skip: !hasPythonClient && 'Python has no package openai here' }, async () => {
    const script = join(root, 'test/clients/openai_client.py');
    const { baseURL, apiKey } = base();
    const child = spawn(python, [script, JSON.stringify(models)], {
      env: { PATH: process.env.PATH, OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey },
      timeout: RUN_TIMEOUT_MS,
    });
    const { code, stdout, stderr } = await finish(child);
    assert.equal(code, 0, stderr);
    const { vectors, ...result } = JSON.parse(stdout);
    assert.deepEqual(result, {
      chat: TEXT,
      stream: TEXT,
      image: 'iVBORw0K',
      speech: 'RIFF',
      heard: true,
      refusal: [400, 'wrong_endpoint', 'model'],
    });
    assert.ok(vectors.length === 2 && vectors[0] > 0 && vectors[0] === vectors[1]);
  });
});
