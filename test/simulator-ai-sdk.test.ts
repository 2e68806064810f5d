import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import * as ai from 'ai';
import { z } from 'zod';
import { type Sim, startSim } from './sim.ts';

const Weather = z.object({ city: z.string(), days: z.int().min(1).max(3) });

describe('the ai package with the simulator', () => {
  let sim: Sim;
  let models: Record<'responses' | 'chat' | 'compatible', ai.LanguageModel>;
  let openai: ReturnType<typeof createOpenAI>;

  before(async () => {
    sim = await startSim({ reasoning: 2 });
    const settings = { baseURL: `${sim.url}/v1`, apiKey: 'none' };
    openai = createOpenAI(settings);
    const compatible = createOpenAICompatible({
      ...settings,
      name: 'eco',
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    models = { responses: openai('m'), chat: openai.chat('m'), compatible: compatible('m') };
  });
  after(() => sim[Symbol.asyncDispose]());

  for (const name of ['responses', 'chat', 'compatible'] as const) {
    test(`streams, calls tools and goes on with what they give back, through ${name}`, async () => {
      const asked: unknown[] = [];
      const execute = async (input: unknown) => {
        asked.push(input);
        return 'It is sunny.';
      };
      const { textStream, totalUsage, steps } = ai.streamText({
        model: models[name],
        prompt: 'Call get_weather.',
        tools: { get_weather: ai.tool({ inputSchema: Weather, execute }) },
        stopWhen: ai.stepCountIs(3),
        maxRetries: 0,
      });
      let text = '';
      for await (const part of textStream) text += part;
      assert.match(text, /It is sunny\./);
      assert.deepEqual([(await steps).length, asked.length], [2, 1]);
      Weather.parse(asked[0]);
      assert.equal((await totalUsage).outputTokenDetails.reasoningTokens, 4);
    });

    test(`gets objects that satisfy a schema, through ${name}`, async () => {
      const output = ai.Output.object({ schema: z.object({ trips: z.array(Weather).min(1) }) });
      const answer = await ai.generateText({ model: models[name], prompt: 'x', output, maxRetries: 0 });
      assert.ok(answer.output.trips.length > 0);
    });
  }

  test('hears what it has spoken', async () => {
    const { audio } = await ai.generateSpeech({ model: openai.speech('m'), text: 'hello you', maxRetries: 0 });
    const heard = await ai.transcribe({
      model: openai.transcription('whisper-1'),
      audio: audio.uint8Array,
      maxRetries: 0,
    });
    assert.equal(audio.mediaType, 'audio/mpeg');
    assert.ok(Math.abs((heard.durationInSeconds ?? 0) - 0.64) < 0.15, String(heard.durationInSeconds));
    assert.equal(heard.segments.length, 1);
  });

  test('gets vectors and pictures', async () => {
    const values = ['a cat', 'two cats', 'revenue'];
    const { embeddings } = await ai.embedMany({ model: openai.embeddingModel('m'), values, maxRetries: 0 });
    const [cat, cats, revenue] = embeddings as [number[], number[], number[]];
    assert.ok(ai.cosineSimilarity(cat, cats) > ai.cosineSimilarity(cat, revenue) + 0.1);
    const { image } = await ai.generateImage({
      model: openai.imageModel('m'),
      prompt: 'x',
      size: '64x64',
      maxRetries: 0,
    });
    assert.equal(image.mediaType, 'image/png');
  });
});
