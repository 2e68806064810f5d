import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { newEvent } from '../server/gateway/answers/stream-event.ts';
import { StreamMeter } from '../server/gateway/counting/stream-meter.ts';
import { readUsage, TOKENS_MAX } from '../server/gateway/counting/usage.ts';
import { findUsageInTail } from '../server/gateway/counting/usage-tail.ts';

const counts = (input_tokens: number, output_tokens: number, cached_input_tokens = 0) => ({
  input_tokens,
  cached_input_tokens,
  output_tokens,
});
const usage = (prompt_tokens: unknown, completion_tokens: unknown, cached_tokens?: unknown) => ({
  prompt_tokens,
  completion_tokens,
  ...(cached_tokens !== undefined && { prompt_tokens_details: { audio_tokens: 0, cached_tokens } }),
});
const tail = (value: unknown) => findUsageInTail(Buffer.from(JSON.stringify(value)));

describe('the usage object', () => {
  for (const [what, value, expected] of [
    ['counts', usage(3, 4), counts(3, 4)],
    ['cached tokens', usage(10, 4, 8), counts(10, 4, 8)],
    ['more cached than there were', usage(10, 4, 80), counts(10, 4, 10)],
    ['zero, which is a value', usage(0, 0), counts(0, 0)],
    ['absent counts', { total_tokens: 4 }, undefined],
    ['half of the counts', { prompt_tokens: 4 }, undefined],
    ['null', null, undefined],
    ['negative counts', usage(-1, 4), undefined],
    ['fractions', usage(1.5, 4), undefined],
    ['strings', usage('3', 4), undefined],
    ['absurd counts', usage(3, TOKENS_MAX + 1), undefined],
    ['counts beyond integers', usage(3, 1e300), undefined],
  ] as const) {
    test(`with ${what}`, () => assert.deepEqual(readUsage(Buffer.from(JSON.stringify(value)), 0), expected));
  }
});

describe('the tail of an answer', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('"usage":{"prompt_tokens":9}', '\\"usage":', 'usage', '{"usage":{}}'),
  );
  const other = fc.dictionary(
    fc.constantFrom('a', 'b', 'x"usage'),
    fc.oneof(text, fc.record({ usage: fc.constant(usage(7, 7)) })),
  );

  test('tells the usage at the top and no other', () => {
    fc.assert(
      fc.property(other, other, text, (front, back, content) => {
        const answer = {
          ...front,
          choices: [{ message: { content } }],
          usage: usage(3, 4),
          system_fingerprint: content,
          ...back,
        };
        assert.deepEqual(tail(answer), counts(3, 4));
      }),
      { numRuns: 1000 },
    );
  });

  test('without usage at the top tells nothing', () => {
    fc.assert(
      fc.property(other, text, (front, content) =>
        assert.equal(tail({ ...front, choices: [{ message: { content } }] }), undefined),
      ),
    );
  });

  test('is enough: what came before is not needed', () => {
    const answer = Buffer.from(
      JSON.stringify({ choices: [{ message: { content: 'x'.repeat(5000) } }], usage: usage(3, 4) }),
    );
    assert.deepEqual(findUsageInTail(answer.subarray(4000)), counts(3, 4));
  });
});

describe('the meter of a stream', () => {
  const note = (meter: StreamMeter, choice: number | undefined, usage: ReturnType<typeof counts> | undefined) =>
    meter.note({ ...newEvent(Buffer.alloc(0)), choice, usage, hasContent: choice !== undefined });

  test('believes the total of the last event', () => {
    const meter = new StreamMeter(400);
    note(meter, 0, counts(3, 1));
    note(meter, undefined, counts(3, 5, 2));
    assert.deepEqual(meter.counts(), { ...counts(3, 5, 2), estimated: false });
  });

  test('of several choices adds up what each has reached', () => {
    const meter = new StreamMeter(400);
    for (const [choice, tokens] of [
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
      [0, 3],
      [1, 1],
    ] as const)
      note(meter, choice, counts(7, tokens));
    assert.deepEqual(meter.counts(), { ...counts(7, 5), estimated: false });
  });

  test('counts events with content where the engine says nothing', () => {
    const meter = new StreamMeter(400);
    note(meter, 0, undefined);
    note(meter, 0, undefined);
    assert.deepEqual(meter.counts(), { ...counts(100, 2), estimated: true });
  });
});
