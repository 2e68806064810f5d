import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { withModel } from '../server/video/body.ts';
import { urlOf } from '../server/video/content.ts';
import { refusalOf } from '../server/video/refusal.ts';
import { orderedMs, readSeen, readUpstreamId, type Seen } from '../server/video/seen.ts';
import { videoJob } from './video-rows.ts';

describe('what a replica says of a video', () => {
  const unclear = 'unclear';
  for (const [title, status, body, expected] of [
    ['queued', 200, { status: 'queued' }, { type: 'going', status: 'queued' }],
    ['processing in other words', 200, { status: 'in_progress' }, { type: 'going', status: 'processing' }],
    [
      'completed',
      200,
      { status: 'completed', video_url: '/v.mp4', duration_seconds: 2.0625 },
      { type: 'completed', url: '/v.mp4', durationMs: 2063 },
    ],
    [
      'completed without its length',
      200,
      { status: 'succeeded' },
      { type: 'completed', url: null, durationMs: undefined },
    ],
    [
      'a length that nobody can believe',
      200,
      { status: 'completed', duration_seconds: 1e9 },
      { type: 'completed', url: null, durationMs: undefined },
    ],
    [
      'a length below zero',
      200,
      { status: 'completed', duration_seconds: -3 },
      { type: 'completed', url: null, durationMs: undefined },
    ],
    [
      'failed, with an object',
      200,
      { status: 'failed', error: { code: 'oom', message: 'Out of memory.' } },
      { type: 'failed', code: 'oom', message: 'Out of memory.' },
    ],
    [
      'failed, with a text',
      200,
      { status: 'error', error: 'Bad frames.' },
      { type: 'failed', code: 'upstream_error', message: 'Bad frames.' },
    ],
    ['cancelled over there', 200, { status: 'canceled' }, { type: 'cancelled' }],
    ['unknown', 404, { error: {} }, { type: 'lost' }],
  ] satisfies [string, number, unknown, Seen][])
    test(`${title}`, () => assert.deepEqual(readSeen(status, body), expected));

  test('anything else is no answer, and throws nothing', () => {
    for (const body of [undefined, null, 7, [], {}, { status: 'toString' }, { status: null }])
      assert.equal(readSeen(200, body).type, unclear);
    assert.equal(readSeen(500, { status: 'completed' }).type, unclear);
    fc.assert(fc.property(fc.integer(), fc.anything(), (status, body) => void readSeen(status, body)));
  });

  test('an id is a text of bearable length', () => {
    assert.equal(readUpstreamId({ id: 'v1' }), 'v1');
    for (const body of [undefined, {}, { id: 7 }, { id: '' }, { id: 'x'.repeat(201) }])
      assert.equal(readUpstreamId(body), undefined);
  });
});

test('an order is as long as its frames at its rate, 33 at 16 where it says nothing', () => {
  assert.equal(orderedMs({}), 2063);
  assert.equal(orderedMs({ num_frames: 81, fps: 24 }), 3375);
});

describe('the body of an order', () => {
  test('keeps every byte but those of the model, however often and wherever it stands', () => {
    const text = '{ "seed":1.0,"m\\u006fdel" : "a", "nested":{"model":"b"},\n"model":"c" , "x": 12345678901234567890}';
    const edited = text.replace('"a"', '"served"').replace('"c"', '"served"');
    assert.equal(withModel(text, 'served').toString(), edited);
  });

  test('reads the same but for the model', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (fields, model) => {
        const order = { ...fields, model: 'asked' };
        const sent = JSON.parse(withModel(JSON.stringify(order), model).toString());
        assert.deepEqual(sent, JSON.parse(JSON.stringify({ ...order, model })));
      }),
    );
  });
});

describe('where a video is', () => {
  const at = (upstream_url: string | null) =>
    urlOf(videoJob({ base_url: 'http://10.0.0.7:8000/v1', upstream_id: 'v/1', upstream_url })).href;

  test('below its job where the replica says nothing, else where it says', () => {
    assert.equal(at(null), 'http://10.0.0.7:8000/v1/video/generations/v%2F1/content');
    assert.equal(at('/files/1.mp4'), 'http://10.0.0.7:8000/files/1.mp4');
    assert.equal(at('https://cdn.example/1.mp4'), 'https://cdn.example/1.mp4');
  });

  test('what is no web address is refused', () => {
    for (const url of ['file:///etc/passwd', 'javascript:alert(1)', 'http://'])
      assert.throws(() => at(url), { code: 'upstream_error' });
  });
});

describe('an order that a replica refuses', () => {
  for (const [status, body, code, message] of [
    [400, { error: { message: 'Too many frames.' } }, 'invalid_request', 'Too many frames.'],
    [422, { detail: 'No prompt.' }, 'invalid_request', 'No prompt.'],
    [404, { object: 'error', message: 'Not here.' }, 'not_found', 'Not here.'],
    [429, undefined, 'rate_limit_exceeded', "The model's server gave no reason."],
  ] as const)
    test(`with ${status} is the caller's`, () => {
      const { name, ...refusal } = refusalOf({ status, body });
      assert.deepEqual([refusal.status, refusal.code, refusalOf({ status, body }).message], [status, code, message]);
    });

  test('for our own key, or in no way that is known, is not', () => {
    for (const status of [401, 403, 500, 302]) assert.equal(refusalOf({ status, body: {} }).status, 502);
  });
});
