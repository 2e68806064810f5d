import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readTypedEvent } from '../server/gateway/answers/typed-event.ts';
import { MemberScan } from '../server/gateway/counting/member-scan.ts';

function scan(text: string, cuts: readonly number[] = []) {
  const bytes = Buffer.from(text);
  const members = new MemberScan();
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    members.add(bytes.subarray(from, cut));
    from = cut;
  }
  return members;
}

describe('the scan of members', () => {
  test('keeps small values and counts lists, in chunks of any size', () => {
    const key = fc.oneof(fc.constantFrom('data', 'usage', 'a"b', 'c\\'), fc.string({ unit: 'grapheme', maxLength: 6 }));
    const object = fc.dictionary(
      key.filter((name) => name !== '__proto__'),
      fc.jsonValue({ maxDepth: 3 }),
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(object, fc.array(fc.nat(500), { maxLength: 12 }), fc.constantFrom(0, 1), (value, cuts, space) => {
        const members = scan(JSON.stringify(value, null, space), cuts);
        for (const [name, each] of Object.entries(value)) {
          if (JSON.stringify(each, null, space).length < 1000)
            assert.deepEqual(members.value(name), JSON.parse(JSON.stringify(each)), name);
          assert.equal(members.length(name), Array.isArray(each) ? each.length : undefined, name);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('counts images among megabytes, wherever usage stands', () => {
    const image = { b64_json: 'iVBORw0KGgo/+'.repeat(100_000), revised_prompt: 'a \\"dog\\" [{' };
    const members = scan(
      JSON.stringify({ usage: { total_tokens: 4 }, data: [image, image, image], created: 1 }),
      [70_000],
    );
    assert.equal(members.length('data'), 3);
    assert.deepEqual(
      [members.value('usage'), members.value('created'), members.value('data')],
      [{ total_tokens: 4 }, 1, undefined],
    );
  });

  test('knows of a list what has begun', () => {
    assert.equal(scan('{"data":[').length('data'), 0);
    assert.equal(scan('{"data":[{"b64_json":"iVB').length('data'), 1);
    assert.equal(scan('{"data":[{"b64_json":"iVB"},').length('data'), 1);
  });

  test('never fails, whatever the bytes', () => {
    const pieces = fc.array(fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\', 'a', ' ', '\u0000', 'é'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(pieces, (parts) => void scan(parts.join(''), [3, 9]).value('a')),
      { numRuns: 2000 },
    );
  });
});

describe('an event with a type', () => {
  const read = (value: unknown, name?: string) => {
    const event = `${name ? `event: ${name}\n` : ''}data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
    const { type, hasContent, isFinished, usage } = readTypedEvent(Buffer.from(event));
    return { type, hasContent, isFinished, usage };
  };
  const usage = { input_tokens: 7, output_tokens: 3, input_tokens_details: { cached_tokens: 2 } };
  const counts = { input_tokens: 7, cached_input_tokens: 2, output_tokens: 3 };
  for (const [what, value, expected] of [
    [
      'response.created',
      { type: 'response.created', response: { id: 'r', usage: null } },
      { type: 'chunk', hasContent: false },
    ],
    ['a delta', { type: 'response.output_text.delta', delta: 'a' }, { type: 'chunk', hasContent: true }],
    ['an empty delta', { type: 'response.output_text.delta', delta: '' }, { type: 'chunk', hasContent: false }],
    [
      'the end',
      { type: 'response.completed', response: { status: 'completed', usage } },
      { type: 'done', usage: counts },
    ],
    ['an end by a limit', { response: { usage }, type: 'response.incomplete' }, { type: 'done', usage: counts }],
    [
      'a failure',
      { type: 'response.failed', response: { error: { code: 'x' }, usage } },
      { type: 'error', usage: counts },
    ],
    ['an error', { type: 'error', message: 'x' }, { type: 'error' }],
    ['text that was heard', { type: 'transcript.text.delta', delta: 'hi' }, { type: 'chunk', hasContent: true }],
    [
      'all that was heard',
      { type: 'transcript.text.done', text: 'hi', usage },
      { type: 'done', hasContent: true, usage: counts },
    ],
    ['audio', { type: 'speech.audio.delta', audio: 'AAAA' }, { type: 'chunk', hasContent: true }],
    ['the end of audio', { type: 'speech.audio.done' }, { type: 'done' }],
    [
      'a part of an image',
      { type: 'image_generation.partial_image', b64_json: 'AA' },
      { hasContent: true, isFinished: false },
    ],
    [
      'an image',
      { type: 'image_generation.completed', b64_json: 'AA' },
      { type: 'chunk', hasContent: true, isFinished: true },
    ],
    [
      'a chunk of a chat',
      { choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }] },
      { type: 'chunk', hasContent: true, isFinished: true },
    ],
    ['[DONE]', '[DONE]', { type: 'done' }],
    ['half an object', '{"type":"response.completed"', { type: 'opaque' }],
  ] as const) {
    test(`is read: ${what}`, () => {
      const seen: Record<string, unknown> = read(value);
      for (const [name, wanted] of Object.entries(expected)) assert.deepEqual(seen[name], wanted, name);
    });
  }

  test('is an error by its name too', () => assert.equal(read({ type: 'x' }, 'error').type, 'error'));
});
