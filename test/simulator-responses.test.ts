import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { countTokens } from '../server/cluster/simulator/tokenizer.ts';
import { startSim } from './sim.ts';

const INPUT = 'Say this again.';
const City = z.object({ city: z.string().min(1) });
const parameters = z.toJSONSchema(City) as Record<string, unknown>;
const tools: OpenAI.Responses.FunctionTool[] = [{ type: 'function', name: 'find_city', parameters, strict: true }];

describe('responses of the simulator', () => {
  test('answer a text, and count what they used', async () => {
    await using sim = await startSim({ reasoning: 4 });
    const response = await sim.openai.responses.create({ model: 'm', input: INPUT, instructions: 'Be brief.' });
    assert.deepEqual([response.output_text, response.status], [INPUT, 'completed']);
    assert.deepEqual(
      response.output.map(({ type }) => type),
      ['reasoning', 'message'],
    );
    const output_tokens = 4 + countTokens(INPUT);
    assert.equal(response.usage?.output_tokens, output_tokens);
    assert.deepEqual(response.usage?.output_tokens_details, { reasoning_tokens: 4 });
    assert.deepEqual(response.usage?.input_tokens_details, { cached_tokens: 0 });
    assert.equal(response.usage?.total_tokens, (response.usage?.input_tokens ?? 0) + output_tokens);
  });

  test('stream typed events in their order, numbered without a gap', async () => {
    await using sim = await startSim({ reasoning: 1 });
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of await sim.openai.responses.create({ model: 'm', input: 'Two words', stream: true }))
      events.push(event);
    assert.deepEqual(
      events.map(({ type }) => type.slice('response.'.length)),
      [
        'created',
        'in_progress',
        'output_item.added',
        'content_part.added',
        'reasoning_text.delta',
        'reasoning_text.done',
        'content_part.done',
        'output_item.done',
        'output_item.added',
        'content_part.added',
        'output_text.delta',
        'output_text.delta',
        'output_text.done',
        'content_part.done',
        'output_item.done',
        'completed',
      ],
    );
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      [...events.keys()],
    );
  });

  test('are streamed as they come whole, thoughts and calls included', async () => {
    await using sim = await startSim({ reasoning: 3, prefixCache: false });
    const request = { model: 'm', input: 'find_city, please', tools };
    const { id: _id, created_at: _at, output, ...whole } = await sim.openai.responses.create(request);
    const streamed = await sim.openai.responses.stream(request).finalResponse();
    assert.deepEqual(streamed.usage, { ...whole.usage });
    assert.deepEqual(
      streamed.output.map(({ type }) => type),
      ['reasoning', 'function_call'],
    );
    const callOf = (items: OpenAI.Responses.ResponseOutputItem[]) =>
      items.find((item) => item.type === 'function_call');
    assert.equal(callOf(streamed.output)?.arguments, callOf(output)?.arguments);
    City.parse(JSON.parse(callOf(output)?.arguments ?? ''));
  });

  test('go on in words once the function has answered', async () => {
    await using sim = await startSim();
    const { output } = await sim.openai.responses.create({ model: 'm', input: 'find_city', tools });
    const call = output.find((item) => item.type === 'function_call');
    assert.ok(call);
    const input: OpenAI.Responses.ResponseInput = [
      { role: 'user', content: [{ type: 'input_text', text: 'find_city' }] },
      call,
      { type: 'function_call_output', call_id: call.call_id, output: 'It is Bern.' },
    ];
    assert.equal((await sim.openai.responses.create({ model: 'm', input, tools })).output_text, 'It is Bern.');
  });

  test('satisfy a schema', async () => {
    await using sim = await startSim();
    const text = { format: zodTextFormat(City, 'city') };
    assert.ok((await sim.openai.responses.parse({ model: 'm', input: INPUT, text })).output_parsed?.city);
  });

  test('that run out of tokens are incomplete, streamed too', async () => {
    await using sim = await startSim();
    const request = { model: 'm', input: INPUT, max_output_tokens: 2 };
    const response = await sim.openai.responses.create(request);
    assert.deepEqual([response.status, response.incomplete_details?.reason], ['incomplete', 'max_output_tokens']);
    let last = '';
    for await (const { type } of await sim.openai.responses.create({ ...request, stream: true })) last = type;
    assert.equal(last, 'response.incomplete');
  });

  test('are not stored, and say so', async () => {
    await using sim = await startSim();
    const asking = sim.openai.responses.create({ model: 'm', input: INPUT, previous_response_id: 'resp_1' });
    await assert.rejects(asking, { status: 404, message: /resp_1/ });
  });
});
