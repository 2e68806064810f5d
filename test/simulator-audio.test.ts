import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import { findDuration } from '../server/cluster/simulator/services/audio/duration.ts';
import { type Sim, startSim } from './sim.ts';
import { until } from './until.ts';

const TEXT = 'Five words are spoken here.';

async function speak({ openai }: Sim, body: Partial<OpenAI.Audio.SpeechCreateParams>) {
  const response = await openai.audio.speech.create({ model: 'm', voice: 'af_bella', input: TEXT, ...body });
  return { type: response.headers.get('content-type'), bytes: Buffer.from(await response.arrayBuffer()) };
}

function readWav(file: Buffer) {
  assert.deepEqual([file.toString('latin1', 0, 4), file.toString('latin1', 8, 16)], ['RIFF', 'WAVEfmt ']);
  assert.deepEqual([file.readUInt32LE(4), file.readUInt32LE(40)], [file.length - 8, file.length - 44]);
  const samples = Array.from({ length: (file.length - 44) / 2 }, (_, at) => file.readInt16LE(44 + at * 2));
  return { channels: file.readUInt16LE(22), rate: file.readUInt32LE(24), bits: file.readUInt16LE(34), samples };
}

describe('speech of the simulator', () => {
  test('is a WAV that sounds, one tone for each word', async () => {
    await using sim = await startSim();
    const { type, bytes } = await speak(sim, { response_format: 'wav' });
    const { channels, rate, bits, samples } = readWav(bytes);
    assert.deepEqual([type, channels, rate, bits], ['audio/wav', 1, 24_000, 16]);
    const isLoud = Array.from({ length: Math.floor(samples.length / 480) }, (_, at) =>
      samples.slice(at * 480, (at + 1) * 480).some((sample) => Math.abs(sample) > 1_000),
    );
    const tones = isLoud.filter((loud, at) => loud && !isLoud[at - 1]).length;
    assert.equal(tones, TEXT.split(' ').length);
  });

  test('lasts as long as its text, and half as long at twice the speed', async () => {
    await using sim = await startSim();
    const seconds = async (body: Partial<OpenAI.Audio.SpeechCreateParams>) =>
      findDuration((await speak(sim, { response_format: 'wav', ...body })).bytes) ?? 0;
    const usual = await seconds({});
    assert.ok(usual > 1.5 && usual < 2.5, `${usual} s`);
    assert.ok(Math.abs((await seconds({ speed: 2 })) * 2 - usual) < 0.001);
    assert.ok(Math.abs((await seconds({ input: `${TEXT} ${TEXT}` })) - usual * 2) < 0.001);
  });

  test('is the same as PCM, without a head', async () => {
    await using sim = await startSim();
    const [pcm, wav] = [await speak(sim, { response_format: 'pcm' }), await speak(sim, { response_format: 'wav' })];
    assert.equal(pcm.type, 'audio/pcm');
    assert.ok(pcm.bytes.equals(wav.bytes.subarray(44)));
  });

  test('is an MP3 if nothing else is asked for, whole frames to the end, as long as the WAV', async () => {
    await using sim = await startSim();
    const { type, bytes } = await speak(sim, {});
    assert.equal(type, 'audio/mpeg');
    assert.deepEqual([bytes[0], bytes[1]! & 0xe0], [0xff, 0xe0]);
    const wav = findDuration((await speak(sim, { response_format: 'wav' })).bytes) ?? 0;
    const mp3 = findDuration(bytes) ?? 0;
    assert.ok(mp3 >= wav && mp3 < wav + 0.15, `${mp3} s for ${wav} s`);
    assert.ok(bytes.equals((await speak(sim, {})).bytes), 'the same again');
  });

  test('comes word by word, each at its time', async () => {
    await using sim = await startSim({ ttftMs: 30, itlMs: 20 });
    const start = performance.now();
    const response = await sim.openai.audio.speech.create({
      model: 'm',
      voice: 'v',
      input: TEXT,
      response_format: 'pcm',
    });
    const headMs = performance.now() - start;
    await response.arrayBuffer();
    const allMs = performance.now() - start;
    assert.ok(headMs >= 29 && allMs >= 30 + 4 * 20 - 1, `${headMs} ms, ${allMs} ms`);
  });

  test('waits for a client that does not read, and then goes on', async () => {
    await using sim = await startSim();
    const input = 'wonderful '.repeat(250).trim();
    const response = await sim.openai.audio.speech.create({ model: 'm', voice: 'v', input, response_format: 'wav' });
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    await until('it has its turn', async () => /running\S* 1\b/.test(await (await fetch(`${sim.url}/metrics`)).text()));
    assert.ok(!sim.lines.some((line) => line.includes('finished')), 'it is not through');
    const total = Buffer.from(value!).readUInt32LE(4) + 8;
    let bytes = value!.length;
    for (let part = await reader.read(); !part.done; part = await reader.read()) bytes += part.value.length;
    assert.equal(bytes, total);
    await until('it is through', () => sim.lines.some((line) => line.includes('finished')));
  });

  test('in other formats, of nothing or of too much is refused with what can be had', async () => {
    await using sim = await startSim();
    await assert.rejects(speak(sim, { response_format: 'opus' }), {
      status: 400,
      message: /mp3, wav, pcm, not "opus"/,
    });
    await assert.rejects(speak(sim, { input: '' }), { status: 400, message: /input: / });
    await assert.rejects(speak(sim, { input: 'x'.repeat(4_097) }), { status: 400, message: /input: / });
    await assert.rejects(speak(sim, { speed: 9 }), { status: 400, message: /speed: / });
  });
});

/** A WAV of so many seconds of silence, as a recorder leaves it. */
function silence(seconds: number): Buffer {
  const data = Buffer.alloc(Math.round(seconds * 8_000));
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000, 28);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(0xffff_ffff, 40);
  return Buffer.concat([head, data]);
}

describe('transcriptions of the simulator', () => {
  test('have words for as long as the file sounds', async () => {
    await using sim = await startSim();
    const file = await toFile(silence(8), 'a.wav');
    const answer = await sim.openai.audio.transcriptions.create({ model: 'm', file });
    assert.equal(answer.text.split(' ').length, 20);
    assert.deepEqual(answer.usage, { type: 'duration', seconds: 8 });
  });

  test('tell segments and words that follow each other to the end, and the language that was given', async () => {
    await using sim = await startSim();
    const answer = await sim.openai.audio.transcriptions.create({
      model: 'm',
      file: await toFile(silence(12.5), 'a.wav'),
      response_format: 'verbose_json',
      language: 'de',
      timestamp_granularities: ['word'],
    });
    const { segments = [], words = [] } = answer;
    assert.deepEqual([answer.language, answer.duration], ['de', 12.5]);
    assert.equal(segments.map(({ text }) => text).join(' '), answer.text);
    for (const spans of [segments, words]) {
      assert.deepEqual([spans[0]?.start, spans.at(-1)?.end], [0, 12.5]);
      for (const [at, { start, end }] of spans.entries()) {
        assert.ok(end > start);
        if (at > 0) assert.equal(start, spans[at - 1]?.end);
      }
    }
  });

  test('come as plain text, SRT and WebVTT', async () => {
    await using sim = await startSim();
    const file = silence(6);
    const write = async (response_format: 'text' | 'srt' | 'vtt') =>
      sim.openai.audio.transcriptions.create({ model: 'm', file: await toFile(file, 'a.wav'), response_format });
    const { text } = await sim.openai.audio.transcriptions.create({ model: 'm', file: await toFile(file, 'a.wav') });
    assert.equal(await write('text'), `${text}\n`);
    assert.match(
      String(await write('srt')),
      /^1\n00:00:00,000 --> 00:00:04,000\n.+\n\n2\n00:00:04,000 --> 00:00:06,000\n/,
    );
    assert.match(String(await write('vtt')), /^WEBVTT\n\n00:00:00\.000 --> 00:00:04\.000\n/);
  });

  test('hear what the simulator itself has spoken, as WAV and as MP3', async () => {
    await using sim = await startSim();
    for (const response_format of ['wav', 'mp3'] as const) {
      const { bytes } = await speak(sim, { response_format });
      const file = await toFile(bytes, `a.${response_format}`);
      const answer = await sim.openai.audio.transcriptions.create({
        model: 'm',
        file,
        response_format: 'verbose_json',
      });
      assert.ok(Math.abs(Number(answer.duration) - 1.78) < 0.15, String(answer.duration));
    }
  });

  test('read the length of a FLAC from its head', () => {
    const flac = Buffer.alloc(42);
    flac.write('fLaC');
    flac.writeUIntBE((44_100 << 4) >>> 0, 18, 3);
    flac.writeUInt32BE(88_200, 22);
    assert.equal(findDuration(flac), 2);
  });

  test('of no file, or of one that makes no sound, are refused', async () => {
    await using sim = await startSim();
    const file = await toFile(Buffer.from('not a sound'), 'a.wav');
    await assert.rejects(sim.openai.audio.transcriptions.create({ model: 'm', file }), {
      status: 400,
      message: /file: /,
    });
    const response = await fetch(`${sim.url}/v1/audio/transcriptions`, { method: 'POST', body: new FormData() });
    assert.equal(response.status, 400);
  });
});
