import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { countTokens } from '../server/cluster/simulator/tokenizer.ts';
import { post, startSim } from './sim.ts';

const QUESTION = [{ role: 'user' as const, content: 'The quick brown fox jumps over the lazy dog.' }];
const ask = { model: 'm', messages: QUESTION };

const Weather = z.object({ city: z.string().min(3), unit: z.enum(['celsius', 'kelvin']), days: z.int().min(1).max(9) });
const weather = {
  type: 'function' as const,
  function: { name: 'get_weather', parameters: z.toJSONSchema(Weather) as Record<string, unknown> },
};
const clock = { type: 'function' as const, function: { name: 'get_time', parameters: { type: 'object' } } };
const tools = [weather, clock];

const callsOf = ({ choices }: OpenAI.ChatCompletion) =>
  (choices[0]?.message.tool_calls ?? []).map((call) => (call.type === 'function' ? call.function : undefined));

describe('tools of the simulator', () => {
  test('a required or named tool is called with arguments that fit its schema', async () => {
    await using sim = await startSim();
    for (const tool_choice of ['required', { type: 'function', function: { name: 'get_weather' } }] as const) {
      const answer = await sim.openai.chat.completions.create({ ...ask, tools, tool_choice });
      const [call, ...others] = callsOf(answer);
      assert.deepEqual([answer.choices[0]?.finish_reason, answer.choices[0]?.message.content], ['tool_calls', null]);
      assert.deepEqual([call?.name, others], ['get_weather', []]);
      Weather.parse(JSON.parse(call?.arguments ?? ''));
    }
  });

  test('of its own accord it calls the tools the user names, and none where it must not', async () => {
    await using sim = await startSim();
    const messages = [{ role: 'user' as const, content: 'Use get_weather and get_time, please.' }];
    const calling = async (body: object, content = messages) =>
      callsOf(await sim.openai.chat.completions.create({ model: 'm', messages: content, tools, ...body })).map(
        (call) => call?.name,
      );
    assert.deepEqual(await calling({}), ['get_weather', 'get_time']);
    assert.deepEqual(await calling({ parallel_tool_calls: false }), ['get_weather']);
    assert.deepEqual(await calling({ tool_choice: 'none' }), []);
    assert.deepEqual(await calling({}, QUESTION), []);
  });

  test('streams a call in pieces that put together are the whole one, counted like any token', async () => {
    await using sim = await startSim();
    const request = { ...ask, tools, tool_choice: 'required' as const };
    const whole = await sim.openai.chat.completions.create(request);
    const stream = sim.openai.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
    let pieces = 0;
    stream.on('chunk', (chunk) => {
      if (chunk.choices[0]?.delta.tool_calls) pieces++;
    });
    const streamed = await stream.finalChatCompletion();
    assert.deepEqual(
      callsOf(streamed).map((call) => call?.arguments),
      callsOf(whole).map((call) => call?.arguments),
    );
    assert.equal(streamed.choices[0]?.finish_reason, 'tool_calls');
    assert.deepEqual([pieces, streamed.usage?.completion_tokens], [whole.usage?.completion_tokens, pieces]);
    assert.ok(pieces > 3);
  });

  test('what a tool gave back is answered with words', async () => {
    await using sim = await startSim();
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'user', content: 'Call get_time.' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'get_time', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'It is noon, says get_time.' },
    ];
    const answer = await sim.openai.chat.completions.create({ model: 'm', messages, tools });
    assert.equal(answer.choices[0]?.message.content, 'It is noon, says get_time.');
    assert.equal(answer.choices[0]?.finish_reason, 'stop');
  });

  test('a tool that is not there is refused', async () => {
    await using sim = await startSim();
    const tool_choice = { type: 'function' as const, function: { name: 'fly' } };
    await assert.rejects(sim.openai.chat.completions.create({ ...ask, tools, tool_choice }), {
      status: 400,
      param: 'tool_choice',
    });
  });
});

describe('answers of the simulator in JSON', () => {
  test('satisfy a schema, and are the same again for the same seed', async () => {
    await using sim = await startSim();
    const response_format = zodResponseFormat(z.object({ trips: z.array(Weather).min(1).max(3) }), 'trips');
    const say = async (seed: number) =>
      (await sim.openai.chat.completions.parse({ ...ask, response_format, seed })).choices[0]?.message.parsed;
    assert.ok((await say(1))?.trips[0]?.city);
    assert.deepEqual(await say(1), await say(1));
    assert.notDeepEqual(await say(1), await say(2));
  });

  test('without a schema are any object', async () => {
    await using sim = await startSim();
    const answer = await sim.openai.chat.completions.create({ ...ask, response_format: { type: 'json_object' } });
    assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ''), { answer: QUESTION[0]?.content });
  });

  test('are cut by max_tokens like any other', async () => {
    await using sim = await startSim();
    const cut = { response_format: { type: 'json_object' as const }, max_tokens: 3 };
    const answer = await sim.openai.chat.completions.create({ ...ask, ...cut });
    assert.deepEqual([answer.choices[0]?.finish_reason, answer.usage?.completion_tokens], ['length', 3]);
  });
});

describe('logprobs of the simulator', () => {
  test('have one entry for each token, the chosen one first, all together less than certain', async () => {
    await using sim = await startSim();
    const answer = await sim.openai.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 5 });
    const content = answer.choices[0]?.logprobs?.content ?? [];
    assert.equal(content.map(({ token }) => token).join(''), QUESTION[0]?.content);
    assert.equal(content.length, answer.usage?.completion_tokens);
    for (const { token, logprob, bytes, top_logprobs } of content) {
      assert.deepEqual(bytes, [...Buffer.from(token)]);
      assert.deepEqual([top_logprobs.length, top_logprobs[0]?.token, top_logprobs[0]?.logprob], [5, token, logprob]);
      assert.ok(top_logprobs.reduce((sum, likely) => sum + Math.exp(likely.logprob), 0) < 1);
      assert.equal(new Set(top_logprobs.map((likely) => likely.token)).size, 5);
    }
  });

  test('are the same streamed', async () => {
    await using sim = await startSim();
    const request = { ...ask, logprobs: true, top_logprobs: 2 };
    const whole = await sim.openai.chat.completions.create(request);
    const streamed = await sim.openai.chat.completions.stream(request).finalChatCompletion();
    assert.deepEqual(streamed.choices[0]?.logprobs?.content, whole.choices[0]?.logprobs?.content);
  });
});

describe('tokens of the simulator', () => {
  test('thoughts come first, are counted as reasoning tokens, and spend max_tokens first', async () => {
    await using sim = await startSim({ reasoning: 12 });
    const answer = await sim.openai.chat.completions.create(ask);
    const message = answer.choices[0]?.message as unknown as { content: string; reasoning_content: string };
    assert.deepEqual([countTokens(message.reasoning_content), message.content], [12, QUESTION[0]?.content]);
    assert.equal(answer.usage?.completion_tokens, 12 + countTokens(message.content));
    assert.equal(answer.usage?.completion_tokens_details?.reasoning_tokens, 12);

    const cut = await sim.openai.chat.completions.create({ ...ask, max_tokens: 5 });
    assert.deepEqual([cut.choices[0]?.message.content, cut.choices[0]?.finish_reason], ['', 'length']);
    assert.equal(cut.usage?.completion_tokens_details?.reasoning_tokens, 5);

    const quiet = await sim.openai.chat.completions.create({ ...ask, reasoning_effort: 'none' });
    assert.equal(quiet.usage?.completion_tokens_details, undefined);
  });

  test('thoughts are streamed before the answer', async () => {
    await using sim = await startSim({ reasoning: 3 });
    const kinds: string[] = [];
    for await (const { choices } of await sim.openai.chat.completions.create({ ...ask, stream: true }))
      kinds.push(...Object.keys(choices[0]?.delta ?? {}).filter((key) => key !== 'role'));
    const tokens = countTokens(QUESTION[0]?.content ?? '');
    assert.deepEqual(kinds, ['content', ...Array(3).fill('reasoning_content'), ...Array(tokens).fill('content')]);
  });

  test('a prompt seen before is cached in blocks of 16 tokens, never all of it', async () => {
    await using sim = await startSim();
    const cachedOf = async (content: string) => {
      const { usage } = await sim.openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content }] });
      return usage?.prompt_tokens_details?.cached_tokens ?? 0;
    };
    const long = 'word '.repeat(44).trimEnd(); // 48 tokens with what the template adds
    assert.deepEqual([await cachedOf(long), await cachedOf(long)], [0, 32]);
    assert.equal(await cachedOf(`${'word '.repeat(20)}and then something else altogether, of quite some length`), 16);
    assert.deepEqual([await cachedOf('short'), await cachedOf('short')], [0, 0]);
  });

  test('images in a prompt count', async () => {
    await using sim = await startSim();
    const promptOf = async (...images: ('low' | 'high')[]) => {
      const parts = images.map((detail) => ({
        type: 'image_url' as const,
        image_url: { url: 'data:image/png;base64,AAAA', detail },
      }));
      const content = [{ type: 'text' as const, text: 'What is this?' }, ...parts];
      return (
        (await sim.openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content }] })).usage
          ?.prompt_tokens ?? 0
      );
    };
    const plain = await promptOf();
    assert.deepEqual([(await promptOf('high')) - plain, (await promptOf('low', 'high')) - plain], [256, 320]);
  });

  test('a prompt longer than the model can hold is refused with 400, and an answer ends where its room does', async () => {
    await using sim = await startSim({ maxModelLen: 20 });
    const refused = sim.openai.chat.completions.create({ ...ask, max_tokens: 7 });
    await assert.rejects(refused, { status: 400, message: /maximum context length is 20 tokens.*21/ });
    const answer = await sim.openai.chat.completions.create(ask);
    assert.deepEqual([answer.usage?.total_tokens, answer.choices[0]?.finish_reason], [20, 'length']);
  });

  test('seed and n decide what is said', async () => {
    await using sim = await startSim({ mode: 'seeded', tokens: 8 });
    const say = async (seed: number) =>
      (await sim.openai.chat.completions.create({ ...ask, n: 3, seed })).choices.map(({ message }) => message.content);
    const first = await say(5);
    assert.equal(new Set(first).size, 3);
    assert.deepEqual(await say(5), first);
    assert.notDeepEqual(await say(6), first);
  });

  test('are counted by /tokenize as in a prompt', async () => {
    await using sim = await startSim();
    const { count, tokens } = (await (await post(`${sim.url}/tokenize`, ask)).json()) as {
      count: number;
      tokens: number[];
    };
    const { usage } = await sim.openai.chat.completions.create(ask);
    assert.deepEqual([count, tokens.length], [usage?.prompt_tokens, usage?.prompt_tokens]);
  });
});

test('the client of the simulator is told which field is wrong', async () => {
  await using sim = await startSim();
  for (const [field, value] of [
    ['messages', []],
    ['n', 0],
    ['max_tokens', 1.5],
    ['response_format', { type: 'xml' }],
    ['top_logprobs', 3],
  ] as const) {
    const refused = sim.openai.chat.completions.create({
      ...ask,
      [field]: value,
    } as OpenAI.ChatCompletionCreateParamsNonStreaming);
    await assert.rejects(refused, (error) => error instanceof OpenAI.BadRequestError && error.message.includes(field));
  }
});
