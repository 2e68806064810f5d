import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readChatEvent } from '../server/gateway/answers/chat-event.ts';
import { EventSplitter } from '../server/gateway/answers/event-splitter.ts';
import { withoutUsage } from '../server/gateway/answers/stream-event.ts';

const event = (text: string) => readChatEvent(Buffer.from(text));
const chunk = (value: unknown) => event(`data: ${JSON.stringify(value)}\n\n`);
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

/** Cuts text into pieces at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe('the splitter of events', () => {
  const line = fc.constantFrom('data: {"a":"ü"}', ': comment', 'event: x', 'id: 7', 'data:', 'data: [DONE]');
  const ending = fc.constantFrom('\n', '\r\n');
  const whole = fc
    .tuple(fc.array(line, { minLength: 1, maxLength: 4 }), ending)
    .map(([lines, end]) => lines.map((each) => each + end).join('') + end);

  test('gives the same events wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(whole, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 8 }), (events, cuts) => {
        const splitter = new EventSplitter();
        const bytes = Buffer.from(events.join(''));
        const given = pieces(bytes, cuts).flatMap((piece) => splitter.split(piece));
        assert.deepEqual(given.map(String), events);
        assert.equal(splitter.held, 0);
        assert.equal(splitter.rest().length, 0);
      }),
      { numRuns: 1000 },
    );
  });

  test('at every single byte', () => {
    const text = 'data: {"x":1}\r\n\r\n: hi\n\ndata: [DONE]\n\n';
    for (let at = 0; at <= text.length; at++) {
      const splitter = new EventSplitter();
      const parts = pieces(Buffer.from(text), [at]).flatMap((piece) => splitter.split(piece));
      assert.deepEqual(parts.map(String), ['data: {"x":1}\r\n\r\n', ': hi\n\n', 'data: [DONE]\n\n'], `cut at ${at}`);
    }
  });

  test('holds what is not complete and gives it at the end', () => {
    const splitter = new EventSplitter();
    assert.deepEqual(splitter.split(Buffer.from('data: 1\n')), []);
    assert.equal(splitter.held, 8);
    assert.equal(String(splitter.rest()), 'data: 1\n');
  });
});

describe('an event of a chat stream', () => {
  for (const [what, value, hasContent] of [
    ['a role alone', { role: 'assistant' }, false],
    ['a role with empty text', { role: 'assistant', content: '' }, false],
    ['a role with null', { role: 'assistant', content: null, tool_calls: [] }, false],
    ['text', { content: 'a' }, true],
    ['reasoning', { content: null, reasoning_content: 'hm' }, true],
    ['a tool call', { tool_calls: [{ index: 0, function: { name: 'f' } }] }, true],
  ] as const) {
    test(`${what} is ${hasContent ? '' : 'no '}content`, () => {
      assert.equal(chunk({ choices: [{ index: 0, delta: value }] }).hasContent, hasContent);
    });
  }

  test('is done, comment, error or opaque by its data', () => {
    assert.equal(event('data: [DONE]\n\n').type, 'done');
    assert.equal(event('data:[DONE]\r\n\r\n').type, 'done');
    assert.equal(event(': waiting\n\n').type, 'comment');
    assert.equal(event('event: ping\n\n').type, 'comment');
    assert.equal(event('event: error\ndata: {"message":"x"}\n\n').type, 'error');
    assert.equal(event('data: {"error":{"message":"x"}}\n\n').type, 'error');
    assert.equal(event('data: {"error":null,"choices":[]}\n\n').type, 'chunk');
    assert.equal(event('data: {"broken":\n\n').type, 'opaque');
  });

  test('tells the finish, the choice and the usage', () => {
    const last = chunk({ choices: [{ index: 2, delta: {}, finish_reason: 'stop' }], usage });
    assert.equal(last.isFinished, true);
    assert.equal(last.choice, 2);
    assert.deepEqual(last.usage, { input_tokens: 3, cached_input_tokens: 0, output_tokens: 2 });
    assert.equal(chunk({ choices: [], usage }).choice, undefined);
    assert.equal(chunk({ choices: [{ index: 0, delta: {}, finish_reason: null }], usage: null }).usage, undefined);
  });

  test('loses its usage and no other byte', () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    const key = fc.string({ unit: 'grapheme' }).filter((name) => name !== 'usage' && name !== '__proto__');
    const gap = fc.constantFrom('', ' ', '  ');
    const before = fc.array(fc.tuple(key, value), { maxLength: 3 });
    const content = fc.constantFrom('"usage":{"prompt_tokens":1}', ',"usage":null}', '\\"usage\\"', 'data: x\n\n');
    fc.assert(
      fc.property(
        before,
        before,
        content,
        gap,
        fc.constantFrom('\n\n', '\r\n\r\n'),
        (front, back, text, space, end) => {
          const choices = JSON.stringify([{ index: 0, delta: { content: text, usage: { prompt_tokens: 9 } } }]);
          const member = ([name, each]: [string, unknown]) => `${JSON.stringify(name)}${space}:${JSON.stringify(each)}`;
          const others = [...front.map(member), `"choices":${choices}`, ...back.map(member)];
          const place = others.length === 0 ? 0 : front.length;
          const all = others.toSpliced(place, 0, `"usage"${space}:${space}${JSON.stringify(usage)}`);
          const source = `data: {${all.join(`${space},${space}`)}}${end}`;
          const read = event(source);
          const cut = withoutUsage(read).toString();
          const { usage: _gone, ...expected } = JSON.parse(source.slice(6));
          assert.deepEqual(JSON.parse(cut.slice(6)), expected);
          assert.equal(read.usage?.input_tokens, 3);
          const kept = others.join('');
          assert.equal(cut.replaceAll(/[ ,{}\r\n]/g, ''), `data: {${kept}}`.replaceAll(/[ ,{}\r\n]/g, ''));
          assert.ok(cut.endsWith(end));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('with several lines of data is read as one', () => {
    const source =
      'id: 1\ndata: {"choices":[{"index":0,\ndata: "delta":{"content":"a"}}],\ndata: "usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n';
    const read = event(source);
    assert.equal(read.hasContent, true);
    assert.equal(withoutUsage(read).toString(), 'id: 1\ndata: {"choices":[{"index":0, "delta":{"content":"a"}}]}\n\n');
  });

  test('usage alone in its object is cut', () => {
    assert.equal(withoutUsage(event('data: {"usage":null}\n\n')).toString(), 'data: {}\n\n');
    assert.equal(withoutUsage(event('data: {"usage":null , "a":1}\n\n')).toString(), 'data: {"a":1}\n\n');
  });
});
