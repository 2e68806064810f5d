import { SAMPLE_RATE } from './tones.ts';

const SAMPLE_BYTES = 2;
const HEADER_BYTES = 44;
const PCM = 1;

/** The head of a WAV: mono, 16 bits, little-endian. */
export function wavHeader(samples: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(HEADER_BYTES - 8 + samples * SAMPLE_BYTES, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(PCM, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * SAMPLE_BYTES, 28);
  header.writeUInt16LE(SAMPLE_BYTES, 32);
  header.writeUInt16LE(SAMPLE_BYTES * 8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples * SAMPLE_BYTES, 40);
  return header;
}

const LOUDEST = 32_767;

export function toPcm(samples: Float32Array): Buffer {
  const bytes = Buffer.alloc(samples.length * SAMPLE_BYTES);
  for (let at = 0; at < samples.length; at++)
    bytes.writeInt16LE(Math.round((samples[at] ?? 0) * LOUDEST), at * SAMPLE_BYTES);
  return bytes;
}
