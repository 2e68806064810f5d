import { createMp3Encoder, createOggEncoder } from 'wasm-media-encoders';

export const SAMPLE_RATE = 24_000;

/** A tone of so many milliseconds, as samples between -1 and 1. */
const tone = (ms: number) =>
  Float32Array.from({ length: (SAMPLE_RATE * ms) / 1000 }, (_, index) => 0.3 * Math.sin(index / 9));

interface WavShape {
  format?: number;
  channels?: number;
  bits?: number;
  rate?: number;
  /** What the header says of the data; default: the truth. */
  declared?: number;
  /** Goes between format and data. */
  extra?: Buffer;
}

/** A WAV file with this much data. */
export function wav(dataBytes: number, shape: WavShape = {}): Buffer {
  const {
    format = 1,
    channels = 1,
    bits = 16,
    rate = SAMPLE_RATE,
    declared = dataBytes,
    extra = Buffer.alloc(0),
  } = shape;
  const head = Buffer.alloc(36);
  head.write('RIFF');
  head.writeUInt32LE(0xffffffff, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(format, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE((rate * channels * bits) / 8, 28);
  head.writeUInt16LE((channels * bits) / 8, 32);
  head.writeUInt16LE(bits, 34);
  const data = Buffer.from('data0000');
  data.writeUInt32LE(declared, 4);
  return Buffer.concat([head, extra, data, Buffer.alloc(dataBytes, 7)]);
}

export async function mp3(ms: number, quality: { bitrate: 32 | 64 | 128 } | { vbrQuality: number } = { bitrate: 64 }) {
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: SAMPLE_RATE, channels: 1, ...quality });
  const encoded = Buffer.from(encoder.encode([tone(ms)]));
  return Buffer.concat([encoded, Buffer.from(encoder.finalize())]);
}

export async function ogg(ms: number) {
  const encoder = await createOggEncoder();
  encoder.configure({ sampleRate: SAMPLE_RATE, channels: 1, vbrQuality: 3 });
  const encoded = Buffer.from(encoder.encode([tone(ms)]));
  return Buffer.concat([encoded, Buffer.from(encoder.finalize())]);
}

/** The head of a FLAC file that says how many samples there are, and some bytes behind it. */
export function flac(samples: number, rate: number): Buffer {
  const bytes = Buffer.alloc(2000);
  bytes.write('fLaC');
  bytes.writeUInt32BE(34, 4);
  bytes.writeBigUInt64BE((BigInt(rate) << 44n) | (15n << 36n) | BigInt(samples), 18);
  return bytes;
}

/** An MP4 whose `moov` comes last, as phones write it. */
export function m4a(ms: number): Buffer {
  const box = (name: string, content: Buffer) => {
    const head = Buffer.from(`0000${name}`);
    head.writeUInt32BE(8 + content.length);
    return Buffer.concat([head, content]);
  };
  const header = Buffer.alloc(100);
  header.writeUInt32BE(1000, 12);
  header.writeUInt32BE(ms, 16);
  const moov = box('moov', Buffer.concat([box('free', Buffer.alloc(5)), box('mvhd', header)]));
  return Buffer.concat([box('ftyp', Buffer.from('M4A 0000')), box('mdat', Buffer.alloc(3000)), moov]);
}
