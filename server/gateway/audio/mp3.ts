import type { Track } from './track.ts';

const HEADER_BYTES = 4;
const TAG_HEADER_BYTES = 10;
/** kbit/s by the index in the header: of MPEG 1 layers I to III, then of MPEG 2 layer I and of its layers II and III. */
const BIT_RATES = {
  v1: {
    3: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  },
  v2: {
    3: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    1: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  },
} as const;
const SAMPLE_RATES = [44_100, 48_000, 32_000];
/** Places that look like a header and are none; with more of them this is no audio. */
const FALSE_HEADERS_MAX = 20_000;
const LAYER_1 = 3;
const LAYER_3 = 1;
const VERSION_1 = 3;
const VERSION_2 = 2;

/** MPEG audio: walks from frame header to frame header and adds up what each holds, so that any bit rate is exact. */
export class Mp3Track implements Track {
  #ms = 0;
  #hasFrames = false;
  #falseHeaders = 0;
  #skip = 0;
  #rest: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    if (this.#falseHeaders >= FALSE_HEADERS_MAX) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const step = Math.min(this.#skip, bytes.length - at);
      at += step;
      this.#skip -= step;
      const needed = isTag(bytes, at) ? TAG_HEADER_BYTES : HEADER_BYTES;
      if (this.#skip > 0 || bytes.length - at < needed) break;
      this.#skip = isTag(bytes, at) ? tagLength(bytes, at) : this.#frame(bytes, at);
    }
    this.#rest = bytes.subarray(at); // less than a header
  }

  ms(): number | undefined {
    return this.#hasFrames && this.#falseHeaders < FALSE_HEADERS_MAX ? this.#ms : undefined;
  }

  /** Gives how far it is to the next header, or to what may be one where this is none. */
  #frame(bytes: Buffer, at: number): number {
    const frame = readFrame(bytes, at);
    if (!frame) {
      const next = ++this.#falseHeaders < FALSE_HEADERS_MAX ? bytes.indexOf(0xff, at + 1) : -1;
      return next < 0 ? bytes.length - at : next - at;
    }
    this.#hasFrames = true;
    this.#ms += frame.ms;
    return frame.length;
  }
}

const isTag = (bytes: Buffer, at: number) => bytes[at] === 0x49 && bytes[at + 1] === 0x44 && bytes[at + 2] === 0x33;

/** ID3v2: a size of four times seven bits. */
function tagLength(bytes: Buffer, at: number): number {
  let size = 0;
  for (let digit = 6; digit < TAG_HEADER_BYTES; digit++) size = size * 128 + ((bytes[at + digit] ?? 0) & 0x7f);
  return TAG_HEADER_BYTES + size;
}

function readFrame(bytes: Buffer, at: number): { ms: number; length: number } | undefined {
  const header = bytes.readUInt32BE(at);
  const version = (header >>> 19) & 3;
  const layer = (header >>> 17) & 3;
  const kbits = kbitsOf(version, layer, (header >>> 12) & 15);
  const base = SAMPLE_RATES[(header >>> 10) & 3];
  if (header >>> 21 !== 0x7ff || version === 1 || !kbits || !base) return undefined;
  const rate = base / (version === VERSION_1 ? 1 : version === VERSION_2 ? 2 : 4);
  const samples = layer === LAYER_1 ? 384 : layer === LAYER_3 && version !== VERSION_1 ? 576 : 1152;
  const padding = ((header >>> 9) & 1) * (layer === LAYER_1 ? 4 : 1);
  const slots =
    layer === LAYER_1 ? Math.floor((12_000 * kbits) / rate) * 4 : Math.floor((samples * 125 * kbits) / rate);
  return { ms: (samples * 1000) / rate, length: slots + padding };
}

function kbitsOf(version: number, layer: number, index: number): number | undefined {
  const rates = version === VERSION_1 ? BIT_RATES.v1 : BIT_RATES.v2;
  return layer === 0 ? undefined : rates[layer as 1 | 2 | 3][index];
}
