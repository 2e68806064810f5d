import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AudioMeter, measureAudio } from '../server/gateway/audio/meter.ts';
import { flac, m4a, mp3, ogg, wav } from './fakes/audio.ts';

/** An encoder's padding: a few frames. */
const SLACK_MS = 120;
const isNear = (ms: number | undefined, wanted: number) =>
  assert.ok(ms !== undefined && Math.abs(ms - wanted) <= SLACK_MS, `${ms} ms, not ${wanted}`);

describe('the length of audio', () => {
  for (const [what, file, ms] of [
    ['WAV', wav(48_000), 1000],
    ['stereo WAV of 44.1 kHz', wav(44_100 * 4, { rate: 44_100, channels: 2 }), 1000],
    ['WAV of floats', wav(48_000, { format: 3, bits: 32 }), 500],
    ['WAV with notes before the data', wav(48_000, { extra: Buffer.from('LIST\x04\x00\x00\x00abcd') }), 1000],
    ['WAV with something behind the data', Buffer.concat([wav(48_000), Buffer.alloc(5000)]), 1000],
    ['WAV that was written in a stream', wav(48_000, { declared: 0xffffffff }), 1000],
    ['WAV that says it has no data', wav(48_000, { declared: 0 }), 1000],
    ['WAV that says it has more than there is', wav(48_000, { declared: 96_000 }), 1000],
    ['FLAC', flac(48_000, 16_000), 3000],
    ['m4a', m4a(2500), 2500],
  ] as const) {
    test(`of ${what} is exact`, () => assert.equal(measureAudio(file), ms));
  }

  test('of mp3 is the sum of its frames, at any bit rate', async () => {
    for (const quality of [{ bitrate: 32 }, { bitrate: 128 }, { vbrQuality: 4 }] as const)
      isNear(measureAudio(await mp3(3000, quality)), 3000);
    const tag = Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x01\x00'), Buffer.alloc(128, 0xff)]);
    isNear(measureAudio(Buffer.concat([tag, await mp3(1000)])), 1000);
  });

  test('of ogg is where its last page stands', async () => isNear(measureAudio(await ogg(2000)), 2000));

  test('of what is no audio is unknown', () => {
    for (const bytes of ['', 'RIFF', 'hello, this is text', '{"error":1}', `ID3${'x'.repeat(40)}`, 'OggS'.repeat(20)])
      assert.equal(measureAudio(Buffer.from(bytes)), undefined, bytes);
  });

  test('is not believed where a header claims what the bytes cannot hold', () => {
    assert.equal(measureAudio(Buffer.concat([flac(1, 16_000), Buffer.alloc(100_000)])), undefined);
    assert.equal(measureAudio(m4a(1)), undefined);
  });

  test('is the same in chunks of any size', async () => {
    const files = [wav(9600), await mp3(400), await ogg(400), flac(48_000, 16_000)];
    const cuts = fc.array(fc.nat(4000), { maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom(...files), cuts, (file, places) => {
        const meter = new AudioMeter({ isPcm: false });
        let from = 0;
        for (const at of [...places.toSorted((a, b) => a - b), file.length]) {
          meter.add(file.subarray(from, Math.min(at, file.length)));
          from = Math.min(at, file.length);
        }
        assert.equal(meter.ms(), measureAudio(file));
      }),
      { numRuns: 300 },
    );
  });

  test('never fails, whatever the bytes', () => {
    const magic = fc.constantFrom('RIFF0000WAVEfmt ', 'ID3', 'OggS', 'fLaC', '0000ftyp', '\xff\xfb', '');
    fc.assert(
      fc.property(magic, fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (head, chunks) => {
        const meter = new AudioMeter({ isPcm: false });
        for (const chunk of [Buffer.from(head, 'latin1'), ...chunks.map((each) => Buffer.from(each))]) meter.add(chunk);
        const ms = meter.ms();
        assert.ok(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0));
      }),
      { numRuns: 2000 },
    );
  });

  test('is given up where headers are too many, or positions too few', async () => {
    const tone = await ogg(500);
    const bare = Buffer.from(`OggS\0\0${'\xff'.repeat(8)}`, 'latin1');
    for (const [what, file] of [
      ['false frames', Buffer.concat([await mp3(500), Buffer.alloc(100_000, 0xff), await mp3(500)])],
      ['chunks', Buffer.concat([wav(10).subarray(0, 36), Buffer.alloc(8 * 2000), wav(48_000).subarray(36)])],
      [
        'boxes',
        Buffer.concat([Buffer.from('\0\0\0\x08ftyp'), ...Array(2000).fill(Buffer.from('\0\0\0\x08free')), m4a(2500)]),
      ],
      ['pages without a position', Buffer.concat([tone.subarray(0, 60), ...Array(1000).fill(bare)])],
      ['positions that lie', Buffer.concat([tone, Buffer.alloc(500_000, 1)])],
    ] as const)
      assert.equal(measureAudio(file), undefined, what);
  });

  test('of pcm follows from its size, and a header is noticed', () => {
    const measure = (bytes: Buffer) => {
      const meter = new AudioMeter({ isPcm: true });
      meter.add(bytes);
      return meter.ms();
    };
    assert.equal(measure(Buffer.alloc(4800)), 100);
    assert.equal(measure(wav(4800)), 100);
  });
});
