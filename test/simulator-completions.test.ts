import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { startSim } from './sim.ts';

const PROMPT = 'One two three four.';

test('each prompt is completed, as often as was asked for', async () => {
  await using sim = await startSim();
  const { choices, usage } = await sim.openai.completions.create({
    model: 'm',
    prompt: ['a b', [5, 6, 7]] as string[], // engines take both in one list
    n: 2,
  });
  assert.deepEqual(
    choices.map(({ index, text }) => [index, text]),
    [
      [0, 'a b'],
      [1, 'a b'],
      [2, '5 6 7'],
      [3, '5 6 7'],
    ],
  );
  assert.deepEqual([usage?.prompt_tokens, usage?.completion_tokens], [5, 10]);
});

test('16 tokens are the most where nobody says otherwise, and none is enough for an echo', async () => {
  await using sim = await startSim({ tokens: 40 });
  const usual = await sim.openai.completions.create({ model: 'm', prompt: PROMPT });
  assert.deepEqual([usual.usage?.completion_tokens, usual.choices[0]?.finish_reason], [16, 'length']);
  const echo = await sim.openai.completions.create({ model: 'm', prompt: PROMPT, echo: true, max_tokens: 0 });
  assert.deepEqual([echo.choices[0]?.text, echo.usage?.completion_tokens], [PROMPT, 0]);
});

test('logprobs tell where each token begins, of an echo too', async () => {
  await using sim = await startSim();
  const { choices } = await sim.openai.completions.create({ model: 'm', prompt: PROMPT, echo: true, logprobs: 3 });
  const [{ text, logprobs }] = choices as [OpenAI.CompletionChoice];
  const { tokens = [], token_logprobs = [], top_logprobs = [], text_offset = [] } = logprobs ?? {};
  assert.equal(tokens.join(''), text);
  for (const [at, token] of tokens.entries()) assert.ok(text.startsWith(token, text_offset[at]));
  assert.deepEqual([token_logprobs[0], top_logprobs[0]], [null, null]);
  for (const [at, top] of top_logprobs.entries()) {
    if (at === 0) continue;
    assert.equal(Object.keys(top).length, 3);
    assert.equal(top[tokens[at]!], token_logprobs[at]);
  }
});

test('streamed, the pieces are what comes whole, with usage at the end', async () => {
  await using sim = await startSim();
  const request = { model: 'm', prompt: [PROMPT, 'Five.'], echo: true, logprobs: 1 };
  const whole = await sim.openai.completions.create(request);
  const texts = ['', ''];
  const offsets: number[] = [];
  let usage: unknown;
  const stream = await sim.openai.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    usage = chunk.usage;
    for (const { index, text, logprobs } of chunk.choices) {
      texts[index] += text;
      if (index === 0) offsets.push(...(logprobs?.text_offset ?? []));
    }
  }
  assert.deepEqual(
    texts,
    whole.choices.map(({ text }) => text),
  );
  assert.deepEqual(offsets, whole.choices[0]?.logprobs?.text_offset);
  assert.deepEqual(usage, whole.usage);
});

test('a wrong prompt is refused by name', async () => {
  await using sim = await startSim();
  for (const prompt of [[], [true], 5])
    await assert.rejects(sim.openai.completions.create({ model: 'm', prompt: prompt as never }), {
      status: 400,
      message: /prompt: /,
    });
});
