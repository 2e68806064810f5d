import type { Track } from './track.ts';

/** 24 kHz, mono, 16 bits, without a header: what speech models mean by `pcm`. */
const BYTES_PER_MS = 48;

export class PcmTrack implements Track {
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
  }

  ms(): number {
    return this.#bytes / BYTES_PER_MS;
  }
}
