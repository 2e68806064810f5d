import { DeclaredTrack, readFlacMs, readMp4Ms } from './declared.ts';
import { Mp3Track } from './mp3.ts';
import { OggTrack } from './ogg.ts';
import { PcmTrack } from './pcm.ts';
import type { Track } from './track.ts';
import { WavTrack } from './wav.ts';

/** Enough to tell one kind from another. */
const MAGIC_BYTES = 12;
/** A week: what claims to be longer is not believed. */
const AUDIO_MS_MAX = 7 * 86_400_000;

/** Tells how long audio is from its bytes as they come: wav, mp3, ogg, flac, m4a, and pcm where the caller knows it. */
export class AudioMeter {
  readonly #isPcm: boolean;
  #head: Buffer | undefined = Buffer.alloc(0);
  #track: Track | undefined;

  constructor({ isPcm }: { isPcm: boolean }) {
    this.#isPcm = isPcm;
  }

  add(chunk: Buffer) {
    if (!this.#head) return this.#track?.add(chunk);
    const head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    this.#head = head.length < MAGIC_BYTES && !this.#isPcm ? head : undefined;
    if (this.#head) return;
    this.#track = this.#isPcm && !isWav(head) ? new PcmTrack() : openTrack(head);
    this.#track?.add(head);
  }

  /** Whole milliseconds so far; undefined: it cannot be told. */
  ms(): number | undefined {
    const ms = this.#track?.ms();
    return ms === undefined || !(ms <= AUDIO_MS_MAX) ? undefined : Math.round(ms);
  }
}

/** How long a whole file is. */
export function measureAudio(file: Buffer): number | undefined {
  const meter = new AudioMeter({ isPcm: false });
  meter.add(file);
  return meter.ms();
}

const isWav = (head: Buffer) => head.toString('latin1', 0, 4) === 'RIFF';

function openTrack(head: Buffer): Track | undefined {
  const magic = head.toString('latin1', 0, MAGIC_BYTES);
  if (isWav(head)) return new WavTrack();
  if (magic.startsWith('OggS')) return new OggTrack();
  if (magic.startsWith('fLaC')) return new DeclaredTrack(readFlacMs);
  if (magic.slice(4, 8) === 'ftyp') return new DeclaredTrack(readMp4Ms);
  const isMpeg = magic.startsWith('ID3') || (head[0] === 0xff && ((head[1] ?? 0) & 0xe0) === 0xe0);
  return isMpeg ? new Mp3Track() : undefined;
}
