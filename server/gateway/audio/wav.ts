import type { Track } from './track.ts';

const HEADER_BYTES_MAX = 64 * 1024;
const CHUNKS_MAX = 1_000;
const RIFF_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const FORMAT_BYTES = 16;
/** PCM, floats, and the extensible kind of both: sizes follow from the format. Of others the header's rate is taken. */
const PLAIN_FORMATS: readonly number[] = [1, 3, 0xfffe];

/** RIFF/WAVE: the bytes of the data chunk over the bytes per second. Written in a stream, its sizes are not to be believed. */
export class WavTrack implements Track {
  #header: Buffer | undefined = Buffer.alloc(0);
  #bytesPerMs = 0;
  #declared = Number.POSITIVE_INFINITY;
  #seen = 0;

  add(chunk: Buffer): void {
    if (!this.#header) this.#seen += chunk.length;
    else this.#readHeader(Buffer.concat([this.#header, chunk]));
  }

  ms(): number | undefined {
    if (this.#header || this.#bytesPerMs === 0) return undefined;
    return Math.min(this.#seen, this.#declared) / this.#bytesPerMs;
  }

  #readHeader(bytes: Buffer) {
    let at = RIFF_BYTES;
    for (let chunks = 0; at + CHUNK_HEAD_BYTES <= bytes.length && chunks < CHUNKS_MAX; chunks++) {
      const name = bytes.toString('latin1', at, at + 4);
      const size = bytes.readUInt32LE(at + 4);
      const start = at + CHUNK_HEAD_BYTES;
      if (name === 'data') return this.#beginData(bytes.length - start, size);
      if (name === 'fmt ' && start + FORMAT_BYTES <= bytes.length) this.#bytesPerMs = bytesPerMs(bytes, start);
      at = start + size + (size % 2);
    }
    this.#header = bytes.length > HEADER_BYTES_MAX ? undefined : bytes;
  }

  #beginData(seen: number, size: number): void {
    this.#header = undefined;
    this.#seen = seen;
    if (size > 0 && size < 0x7fff_0000) this.#declared = size;
  }
}

function bytesPerMs(bytes: Buffer, start: number): number {
  const rate = bytes.readUInt32LE(start + 4);
  const frame = (bytes.readUInt16LE(start + 2) * bytes.readUInt16LE(start + 14)) / 8;
  const isPlain = PLAIN_FORMATS.includes(bytes.readUInt16LE(start));
  return (isPlain ? rate * frame : bytes.readUInt32LE(start + 8)) / 1000;
}
