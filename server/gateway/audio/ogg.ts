import type { Track } from './track.ts';

const PAGE = Buffer.from('OggS');
const PAGE_HEADER_BYTES = 27;
const OPUS = Buffer.from('OpusHead');
const VORBIS = Buffer.from('\u0001vorbis', 'latin1');
const OPUS_RATE = 48_000;
/** Pages in a row within which no packet ends; an honest file has a few. */
const BARE_PAGES_MAX = 256;
/** More no encoder makes (800 kbit/s): the positions lie. */
const BYTES_PER_MS_MAX = 100;
/** Of Vorbis, whose code books come first. */
const HEADERS_BYTES_MAX = 16 * 1024;
const NO_POSITION = 0xffff_ffff_ffff_ffffn;

/** Ogg with Opus or Vorbis: the position that the last page tells, in samples. */
export class OggTrack implements Track {
  #rate = 0;
  #start = 0;
  #position: number | undefined;
  #bytes = 0;
  #rest: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const bytes = Buffer.concat([this.#rest, chunk]);
    if (this.#rate === 0) this.#readCodec(bytes);
    let at = bytes.lastIndexOf(PAGE);
    for (let tries = 0; at >= 0 && tries < BARE_PAGES_MAX && !this.#readPosition(bytes, at); tries++)
      at = at === 0 ? -1 : bytes.lastIndexOf(PAGE, at - 1);
    this.#rest = bytes.subarray(Math.max(0, bytes.length - PAGE_HEADER_BYTES));
  }

  ms(): number | undefined {
    if (this.#rate === 0 || this.#position === undefined) return undefined;
    const ms = (Math.max(0, this.#position - this.#start) / this.#rate) * 1000;
    return this.#bytes <= HEADERS_BYTES_MAX + ms * BYTES_PER_MS_MAX ? ms : undefined;
  }

  #readCodec(bytes: Buffer): void {
    const opus = bytes.indexOf(OPUS);
    const vorbis = bytes.indexOf(VORBIS);
    if (opus >= 0 && opus + 12 <= bytes.length) {
      this.#rate = OPUS_RATE;
      this.#start = bytes.readUInt16LE(opus + 10);
    } else if (vorbis >= 0 && vorbis + 16 <= bytes.length) this.#rate = bytes.readUInt32LE(vorbis + 12);
  }

  /** Whether the page has a position: one within which no packet ends has none. */
  #readPosition(bytes: Buffer, at: number): boolean {
    if (at + 14 > bytes.length) return false;
    const position = bytes.readBigUInt64LE(at + 6);
    if (position === NO_POSITION) return false;
    this.#position = Math.max(this.#position ?? 0, Number(position));
    return true;
  }
}
