import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import type { CatalogCategory, Prices } from '../sdk/contract/index.ts';
import { wav } from './fakes/audio.ts';
import { startGateway } from './gateway-rig.ts';
import { type Sim, startSim } from './sim.ts';

const PRICES: Prices = {
  input_per_1m: '1.00',
  output_per_1m: '2.00',
  per_image: '0.01',
  per_1k_characters: '1.00',
  per_audio_second: '0.001',
  per_1k_documents: '1.00',
};

/** Through the gateway, to the engine that everybody tries first. */
describe('the simulator behind the gateway', () => {
  let eco: Awaited<ReturnType<typeof startGateway>>;
  let sim: Sim;
  before(async () => {
    sim = await startSim();
    eco = await startGateway();
  });
  after(async () => {
    await eco[Symbol.asyncDispose]();
    await sim[Symbol.asyncDispose]();
  });

  const open = async (category: CatalogCategory) => {
    const { id, secret } = await eco.account();
    await eco.model(category, [{ address: new URL(sim.url).host }], { category, prices: PRICES, engine: 'sim' });
    const record = async () => {
      const [row] = await eco.usage(1, id);
      assert.ok(
        row?.status === 'completed' && row.cost_nanos > 0n && row.estimated === 0,
        JSON.stringify(row, (_, each) => (typeof each === 'bigint' ? String(each) : each)),
      );
      return row;
    };
    return { openai: eco.client(secret), secret, record };
  };

  test('responds, in one piece and in a stream', async () => {
    const { openai, record } = await open('chat');
    const { usage, output_text } = await openai.responses.create({ model: 'chat', input: 'Say hello.' });
    assert.ok(output_text);
    const { input_tokens, output_tokens } = await record();
    assert.deepEqual([input_tokens, output_tokens], [usage?.input_tokens, usage?.output_tokens]);
    const streamed = await open('vision');
    const events = await Array.fromAsync(
      await streamed.openai.responses.create({ model: 'vision', input: 'Say hello.', stream: true }),
    );
    const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
    assert.equal(last.type, 'response.completed');
    const row = await streamed.record();
    assert.deepEqual([row.output_tokens, row.streamed], [last.response.usage?.output_tokens, 1]);
  });

  test('embeds', async () => {
    const { openai, record } = await open('embedding');
    const { data, usage } = await openai.embeddings.create({ model: 'embedding', input: ['a', 'b'] });
    assert.equal(data.length, 2);
    assert.equal((await record()).input_tokens, usage.prompt_tokens);
  });

  test('ranks', async () => {
    const { secret, record } = await open('reranker');
    const body = { model: 'reranker', query: 'cats', documents: ['dogs', 'cats and more cats'] };
    const { results } = (await (await eco.call(secret, '/v1/rerank', body)).json()) as { results: { index: number }[] };
    assert.equal(results[0]?.index, 1);
    assert.equal((await record()).documents, 2);
  });

  test('paints and edits', async () => {
    const { openai, record } = await open('image');
    const { data = [] } = await openai.images.generate({ model: 'image', prompt: 'a', n: 2, size: '512x512' });
    const png = Buffer.from(data[0]?.b64_json ?? '', 'base64');
    assert.equal(png.toString('latin1', 1, 4), 'PNG');
    assert.equal((await record()).images, 2);
    const image = await toFile(png, 'a.png', { type: 'image/png' });
    const edited = await openai.images.edit({ model: 'image', image, prompt: 'b', size: '512x512' });
    assert.ok(edited.data?.[0]?.b64_json);
  });

  for (const format of ['wav', 'mp3', 'pcm'] as const) {
    test(`speaks ${format}, as long as it is charged`, async () => {
      const { openai, record } = await open('speech');
      const ask = { model: 'speech', voice: 'af_bella', input: 'Five words are spoken here.' };
      const file = Buffer.from(
        await (await openai.audio.speech.create({ ...ask, response_format: format })).arrayBuffer(),
      );
      assert.ok(file.length > 1000);
      const { characters, audio_ms } = await record();
      assert.equal(characters, ask.input.length);
      assert.ok(audio_ms > 500 && audio_ms < 20_000, `${audio_ms} ms`);
    });
  }

  for (const format of ['json', 'verbose_json', 'text', 'srt', 'vtt'] as const) {
    test(`transcribes to ${format}, by the length of the file`, async () => {
      const { openai, record } = await open('transcription');
      const file = await toFile(wav(96_000), 'a.wav');
      const text: unknown = await openai.audio.transcriptions.create({
        model: 'transcription',
        file,
        response_format: format,
      });
      assert.ok(typeof text === 'string' ? text : (text as { text: string }).text);
      assert.equal((await record()).audio_ms, 2000);
    });
  }
});
