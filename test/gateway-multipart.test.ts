import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type MultipartBody, readMultipartBody } from '../server/gateway/bodies/multipart-body.ts';

const TYPE = 'multipart/form-data; boundary=b';
const read = (text: string, type = TYPE) => readMultipartBody(Buffer.from(text), type);
const field = (name: string, value: string, more = '') =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const model = (value: string) => field('model', value);
const contentOf = (body: MultipartBody, name: string) => {
  const span = body.find(name);
  return span && body.bytes.subarray(span.start, span.end);
};

type Entry = [string, string | Uint8Array];
const content = fc.uint8Array({ maxLength: 2000 });
/** Files that look like the form around them. */
const tricky = fc
  .array(
    fc.constantFrom('\r\n', '--', '\r\n--', '----form', 'name="model"', 'Content-Disposition: form-data; ', '\r', '\n'),
    { maxLength: 30 },
  )
  .map((parts) => new Uint8Array(Buffer.from(parts.join(''))));
const fieldName = fc.oneof(
  fc.constantFrom('file', 'language', 'prompt', 'image[]'),
  fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.isWellFormed() && text !== 'model'),
);
const entry: fc.Arbitrary<Entry> = fc.tuple(
  fieldName,
  fc.oneof(
    content,
    tricky,
    fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text) && text.isWellFormed()),
  ),
);
const modelName = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => /^[\x20-\x7e]+$/.test(text));

/** As Node's own encoder writes it. */
async function encodeForm(entries: readonly Entry[]) {
  const form = new FormData();
  for (const [key, value] of entries)
    if (typeof value === 'string') form.append(key, value);
    else form.append(key, new Blob([value as Uint8Array<ArrayBuffer>]), 'a "model".wav; name="model"');
  const response = new Response(form);
  return { type: response.headers.get('content-type') ?? '', bytes: Buffer.from(await response.arrayBuffer()) };
}

async function decodeForm(body: Buffer, type: string): Promise<Entry[]> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  return Promise.all(
    [...form].map(async ([key, value]): Promise<Entry> => {
      if (typeof value === 'string') return [key, value];
      return [key, new Uint8Array(await value.arrayBuffer())];
    }),
  );
}

describe('the splice of a form', () => {
  test('changes the model and nothing else, by the decoder of the platform', async () => {
    const forms = fc.record({
      before: fc.array(entry, { maxLength: 4 }),
      model: modelName,
      after: fc.array(entry, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(forms, modelName, async ({ before, model, after }, served) => {
        const { bytes, type } = await encodeForm([...before, ['model', model], ...after]);
        const body = readMultipartBody(bytes, type);
        assert.equal(body.model, model);
        const spliced = body.splice(served);
        const expected = (await decodeForm(bytes, type)).map(
          ([key, value]): Entry => [key, key === 'model' ? served : value],
        );
        assert.deepEqual(await decodeForm(spliced, type), expected);
        const span = body.find('model');
        assert.ok(span);
        const rest = Buffer.concat([bytes.subarray(0, span.start), Buffer.from(served), bytes.subarray(span.end)]);
        assert.ok(spliced.equals(rest), 'every other byte is as it was');
      }),
      { numRuns: 300 },
    );
  });

  test('finds every part where the platform finds it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
        const { bytes, type } = await encodeForm([...entries, ['model', 'm']]);
        const body = readMultipartBody(bytes, type);
        for (const [key, value] of new Map(await decodeForm(bytes, type))) {
          if (/["\\\r\n]/.test(key)) continue; // escaped in the header, and no name that is read here
          const found = contentOf(body, key);
          assert.deepEqual(
            found && new Uint8Array(found),
            typeof value === 'string' ? new Uint8Array(Buffer.from(value)) : value,
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test('never throws anything but a refusal, whatever the bytes', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '--b',
        '--',
        '\r\n',
        '\r\n\r\n',
        'content-disposition: form-data; ',
        'name="model"',
        '"',
        'x',
        ';',
        '\\',
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('');
        try {
          const body = read(text);
          assert.equal(read(body.splice('other-model').toString()).model, 'other-model');
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'invalid_request');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a form', () => {
  for (const [what, text, type, expected] of [
    ['with the file first', `${field('file', 'RIFF', '; filename="a.wav"')}${model('m')}--b--\r\n`, TYPE, 'm'],
    ['without a line break at its end', `${model('m')}--b--`, TYPE, 'm'],
    ['with a preamble and an epilogue', `hello\r\n${model('m')}--b--\r\nbye --b`, TYPE, 'm'],
    ['with a preamble that nearly is a boundary', `--bx\r\n${model('m')}--b--\r\n`, TYPE, 'm'],
    ['with spaces behind a boundary', `${model('m').replace('--b\r\n', '--b \t\r\n')}--b--\r\n`, TYPE, 'm'],
    ['with two models, of which the last counts', `${model('a')}${model('b')}--b--`, TYPE, 'b'],
    [
      'with a file that speaks of a model',
      `${model('m')}${field('file', 'name="model"\r\n\r\nx\r\n--bb\r\n\r\n--')}--b--`,
      TYPE,
      'm',
    ],
    [
      'with a filename that speaks of a model',
      `${model('m')}${field('file', 'x', '; filename="a; name=\\"model\\"; name="')}--b--`,
      TYPE,
      'm',
    ],
    ['with names without quotes', '--b\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b--', TYPE, 'm'],
    [
      'with other headers around',
      '--b\r\nx-a: name="z"\r\nCONTENT-DISPOSITION:form-data;NAME="model"\r\ncontent-type: text/plain\r\n\r\nm\r\n--b--',
      TYPE,
      'm',
    ],
    [
      'with the filename first',
      '--b\r\nContent-Disposition: form-data; filename="name=\\"x\\""; name="model"\r\n\r\nm\r\n--b--',
      TYPE,
      'm',
    ],
    ['with a part without headers', `--b\r\n\r\nwhat\r\n${model('m')}--b--`, TYPE, 'm'],
    ['with an empty value', `${field('prompt', '')}${model('m')}--b--`, TYPE, 'm'],
    ['with a quoted boundary', `${model('m')}--b--`, 'Multipart/Form-Data; charset=utf-8; boundary="b"', 'm'],
    [
      'with a boundary of odd signs',
      `${model('m')}--b--`.replaceAll('--b', "--'()+_,-./:=? x"),
      `multipart/form-data; boundary="'()+_,-./:=? x"`,
      'm',
    ],
    ['with a model in letters beyond ASCII', `${model('模型')}--b--`, TYPE, '模型'],
  ] as const) {
    test(`${what} is read`, () => assert.equal(read(text, type).model, expected));
  }

  test('has both models edited, and the file in between untouched', () => {
    const file = field('file', 'a\r\n--b x\r\nmodel');
    const text = `${model('a')}${file}${model('b')}--b--\r\n`;
    assert.equal(
      read(text).splice('long-served-name').toString(),
      `${model('long-served-name')}${file}${model('long-served-name')}--b--\r\n`,
    );
    assert.equal(
      read(`${model('a')}--b--`)
        .splice('a')
        .toString(),
      `${model('a')}--b--`,
    );
  });

  test('says whether to stream', () => {
    const stream = (value: string) => read(`${model('m')}${field('stream', value)}--b--`).stream;
    assert.deepEqual(['true', 'True', '1', 'false', 'False', '0', ''].map(stream), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    assert.throws(() => stream('yes please'), { param: 'stream', status: 400 });
    assert.throws(() => stream('constructor'), { param: 'stream', status: 400 });
  });

  for (const [what, text, type, param, message] of [
    ['JSON', '{}', 'application/json', 'content-type', /takes a form: send multipart\/form-data/],
    ['no type', '{}', undefined, 'content-type', /multipart\/form-data/],
    ['no boundary', `${model('m')}--b--`, 'multipart/form-data', 'content-type', /no boundary/],
    [
      'a boundary without end',
      `${model('m')}--b--`,
      `multipart/form-data; boundary=${'b'.repeat(300)}`,
      'content-type',
      /no boundary/,
    ],
    ['no end', model('m'), TYPE, undefined, /ends before its last boundary/],
    ['nothing', '', TYPE, undefined, /ends before its last boundary/],
    ['no model', `${field('file', 'x')}--b--`, TYPE, 'model', /model: is missing/],
    [
      'headers without end',
      '--b\r\ncontent-disposition: form-data; name="model"',
      TYPE,
      undefined,
      /headers never end/,
    ],
    ['too many parts', `${model('m')}${field('a', 'b').repeat(300)}--b--`, TYPE, undefined, /more than 256 parts/],
    ['too many models', `${model('m').repeat(20)}--b--`, TYPE, 'model', /more than 16 times/],
  ] as const) {
    test(`with ${what} is refused`, () =>
      assert.throws(() => readMultipartBody(Buffer.from(text), type), {
        code: 'invalid_request',
        status: 400,
        param,
        message,
      }));
  }
});
