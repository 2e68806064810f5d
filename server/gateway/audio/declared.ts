import type { Track } from './track.ts';

const HEADER_BYTES_MAX = 256 * 1024;
/** More bytes in a millisecond no honest recording has (24 bits at 192 kHz are 1,152): its header lies. */
const BYTES_PER_MS_MAX = 1_200;

/** A file whose first bytes say how long all of it is. */
export class DeclaredTrack implements Track {
  readonly #read: (bytes: Buffer) => number | undefined;
  #bytes = 0;
  #header: Buffer | undefined = Buffer.alloc(0);
  #ms: number | undefined;

  constructor(read: (bytes: Buffer) => number | undefined) {
    this.#read = read;
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (!this.#header) return;
    const header = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk]);
    this.#ms = this.#read(header);
    this.#header = this.#ms === undefined && header.length < HEADER_BYTES_MAX ? header : undefined;
  }

  ms(): number | undefined {
    const isHonest = this.#ms !== undefined && this.#bytes <= this.#ms * BYTES_PER_MS_MAX;
    return isHonest ? this.#ms : undefined;
  }
}

const FLAC_HEADER_BYTES = 26;

/** FLAC's STREAMINFO: 20 bits of sample rate, 3 of channels, 5 of depth, 36 of samples. */
export function readFlacMs(bytes: Buffer): number | undefined {
  if (bytes.length < FLAC_HEADER_BYTES) return undefined;
  const bits = bytes.readBigUInt64BE(18);
  const rate = Number(bits >> 44n);
  const samples = Number(bits & 0xf_ffff_ffffn);
  return rate > 0 && samples > 0 ? (samples / rate) * 1000 : undefined;
}

/** MP4 (m4a): the duration in `moov/mvhd`, wherever `moov` stands in what is there. */
export function readMp4Ms(bytes: Buffer): number | undefined {
  const moov = findBox(bytes, 'moov', { start: 0, end: bytes.length });
  const header = moov && findBox(bytes, 'mvhd', moov);
  if (!header || header.start + 32 > bytes.length) return undefined;
  const isLong = bytes[header.start] === 1;
  const scale = bytes.readUInt32BE(header.start + (isLong ? 20 : 12));
  const units = isLong ? Number(bytes.readBigUInt64BE(header.start + 24)) : bytes.readUInt32BE(header.start + 16);
  return scale > 0 ? (units / scale) * 1000 : undefined;
}

interface Box {
  start: number;
  end: number;
}

const BOX_HEADER_BYTES = 8;
const BOXES_MAX = 1_000;

function findBox(bytes: Buffer, name: string, within: Box): Box | undefined {
  let at = within.start;
  for (let boxes = 0; at + BOX_HEADER_BYTES <= within.end && boxes < BOXES_MAX; boxes++) {
    const size = bytes.readUInt32BE(at);
    const end = size < BOX_HEADER_BYTES ? within.end : Math.min(at + size, within.end);
    if (bytes.toString('latin1', at + 4, at + 8) === name) return { start: at + BOX_HEADER_BYTES, end };
    at = end;
  }
  return undefined;
}
