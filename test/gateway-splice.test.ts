import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readJsonBody } from '../server/gateway/bodies/json-body.ts';
import { BROKEN, skipSpace, skipValue } from '../server/gateway/scan.ts';

const read = (text: string) => readJsonBody(Buffer.from(text), 'application/json');
const splice = (text: string, model: string, usage: 'as_asked' | 'final' | 'continuous' = 'as_asked') =>
  read(text).splice(model, usage).toString();

/** Spells a value with white space and escapes that mean the same. */
const spelled = (value: unknown): fc.Arbitrary<string> =>
  fc.infiniteStream(fc.nat(5)).map((choices) => spell(value, () => choices.next().value ?? 0));

function spell(value: unknown, choose: () => number): string {
  const gap = () => ['', ' ', '\n\t', '\r\n', '', ''][choose()] ?? '';
  const string = (text: string) =>
    `"${[...JSON.stringify(text).slice(1, -1)].join('').replace(/[a-z]/g, (char, at, all) => (choose() === 0 && all[at - 1] !== '\\' && !/\\u[0-9a-f]{0,3}$/.test(all.slice(0, at)) ? `\\u00${char.charCodeAt(0).toString(16)}` : char))}"`;
  if (typeof value === 'string') return gap() + string(value) + gap();
  if (Array.isArray(value)) return `${gap()}[${gap()}${value.map((each) => spell(each, choose)).join(',')}]${gap()}`;
  if (typeof value !== 'object' || value === null) return gap() + JSON.stringify(value) + gap();
  const members = Object.entries(value).map(([key, each]) => `${gap()}${string(key)}${gap()}:${spell(each, choose)}`);
  return `${gap()}{${members.join(',') || gap()}}${gap()}`;
}

const rest = fc.dictionary(
  fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
  fc.jsonValue({ maxDepth: 4 }),
  { maxKeys: 6 },
);

describe('the scan of JSON bytes', () => {
  test('takes exactly what JSON.parse takes', () => {
    const json = fc.jsonValue().chain(spelled);
    const broken = fc.tuple(json, fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, junk]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + junk + text.slice(cut + 1);
    });
    fc.assert(
      fc.property(fc.oneof(json, broken, fc.string()), (text) => {
        const bytes = Buffer.from(text);
        const end = skipValue(bytes, skipSpace(bytes, 0));
        const isTaken = end !== BROKEN && skipSpace(bytes, end) === bytes.length;
        assert.equal(isTaken, isJson(bytes.toString()), text);
      }),
      { numRuns: 3000 },
    );
  });

  for (const text of [
    '01',
    '1.',
    '.5',
    '-',
    '1e',
    '1e+',
    'tru',
    'nulll',
    '"\u0001"',
    '"\\x"',
    '"\\u12g4"',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    '"a',
    '[',
    '{"a"',
    '',
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      const bytes = Buffer.from(text);
      const end = skipValue(bytes, 0);
      assert.ok(end === BROKEN || end !== bytes.length);
    });
  }
});

describe('the splice of a body', () => {
  test('changes the model and nothing else, however the body is spelled', () => {
    const bodies = fc
      .record({ body: rest, model: fc.string({ minLength: 1 }), isLast: fc.boolean() })
      .chain(({ body, model, isLast }) => spelled(isLast ? { ...body, model } : { model, ...body }));
    fc.assert(
      fc.property(bodies, fc.string(), (text, served) => {
        const spliced = splice(text, served);
        assert.deepEqual(JSON.parse(spliced), { ...JSON.parse(text), model: served });
        const { models } = read(text);
        const [span] = models;
        assert.ok(span && models.length === 1);
        const before = Buffer.from(text);
        assert.equal(spliced, before.subarray(0, span.start) + JSON.stringify(served) + before.subarray(span.end));
      }),
      { numRuns: 1000 },
    );
  });

  test('asks for usage and leaves every other option', () => {
    const options = fc.option(
      fc.record(
        { include_usage: fc.boolean(), continuous_usage_stats: fc.boolean(), other: fc.jsonValue() },
        { requiredKeys: [] },
      ),
    );
    const bodies = fc
      .record({ body: rest, stream_options: options, given: fc.boolean() })
      .map(({ body, stream_options, given }) => ({ ...body, model: 'm', ...(given && { stream_options }) }));
    fc.assert(
      fc.property(
        bodies.chain((body) => fc.tuple(fc.constant(body), spelled(body))),
        fc.constantFrom('final', 'continuous'),
        ([body, text], usage) => {
          const asked = { include_usage: true, ...(usage === 'continuous' && { continuous_usage_stats: true }) };
          const expected = { ...JSON.parse(text), stream_options: { ...body.stream_options, ...asked } };
          assert.deepEqual(JSON.parse(splice(text, 'm', usage)), JSON.parse(JSON.stringify(expected)));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('of a key that comes twice the last counts and each is edited', () => {
    const text = '{"model":"a","mod\\u0065l" : "b:1", "stream":true,"stream":false, "n": 2}';
    const { model, stream, choices } = read(text);
    assert.deepEqual({ model, stream, choices }, { model: 'b:1', stream: false, choices: 2 });
    assert.equal(splice(text, 'c'), '{"model":"c","mod\\u0065l" : "c", "stream":true,"stream":false, "n": 2}');
  });

  test('a model further down is not the model', () => {
    const text = '{"metadata":{"model":"x"},"tools":[{"model":"y"}],"model":"a\\"b","z":"\\"model\\":\\"w\\""}';
    assert.equal(read(text).model, 'a"b');
    assert.equal(splice(text, 'm'), text.replace('"a\\"b"', '"m"'));
  });

  test('a body of a megabyte with the model last is spliced', () => {
    const text = JSON.stringify({ messages: [{ role: 'user', content: 'ä"\\\n'.repeat(250_000) }], model: 'a' });
    assert.equal(splice(text, 'bcd'), text.replace(/"a"\}$/, '"bcd"}'));
  });

  test('numbers, absent fields and unknown ones stay as they were spelled', () => {
    const text = '{ "temperature":1.0E0,"seed":12345678901234567890,"model":"a","x":[ ]}';
    assert.equal(splice(text, 'b'), text.replace('"a"', '"b"'));
  });

  test('options that already ask for all keep their bytes', () => {
    const text = '{"model":"a","stream_options":{ "include_usage" : true }}';
    assert.equal(splice(text, 'a', 'final'), text);
  });

  test('reads limits, and ignores those that are none', () => {
    assert.equal(read('{"model":"a","max_tokens":7}').maxTokens, 7);
    assert.equal(read('{"model":"a","max_completion_tokens":9}').maxTokens, 9);
    assert.equal(read('{"model":"a","max_tokens":-1,"n":"3"}').maxTokens, undefined);
    assert.equal(read('{"model":"a","n":-9007199254740993}').choices, 1);
  });

  for (const [text, param, message] of [
    ['{"messages":[]}', 'model', /model: is missing/],
    ['{"model":7}', 'model', /model: must be a string/],
    ['{"model":"a"', undefined, /not JSON: .*position 12/],
    ['', undefined, /not JSON: Unexpected end/],
    ['[1]', undefined, /must be a JSON object/],
    [`{"model":"a","x":${'['.repeat(600)}${']'.repeat(600)}}`, undefined, /nested too deeply/],
    ['{"model":"a"} x', undefined, /not JSON/],
  ] as const) {
    test(`says what is wrong with ${text.slice(0, 24)}`, () => {
      assert.throws(() => read(text), { code: 'invalid_request', status: 400, param, message });
    });
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
