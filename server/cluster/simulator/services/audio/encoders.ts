import { SAMPLE_RATE } from './tones.ts';
import { toPcm, wavHeader } from './wav.ts';

/** Turns samples into the bytes of a file, piece by piece; a piece may be empty. */
export interface Encoder {
  head(samples: number): Uint8Array;
  encode(samples: Float32Array<ArrayBuffer>): Uint8Array;
  end(): Uint8Array;
}

export interface SpeechFormat {
  type: string;
  open(): Promise<Encoder>;
}

const NOTHING = new Uint8Array();

const pcm: Encoder = { head: () => NOTHING, encode: toPcm, end: () => NOTHING };

/** All it can speak in, the usual one first. */
export const speechFormats = {
  mp3: { type: 'audio/mpeg', open: openMp3 },
  wav: { type: 'audio/wav', open: async () => ({ ...pcm, head: wavHeader }) },
  pcm: { type: 'audio/pcm', open: async () => pcm },
} as const satisfies Record<string, SpeechFormat>;

const BITRATE_KBPS = 64;

async function openMp3(): Promise<Encoder> {
  const { createMp3Encoder } = await import('wasm-media-encoders');
  const mp3 = await createMp3Encoder();
  mp3.configure({ sampleRate: SAMPLE_RATE, channels: 1, bitrate: BITRATE_KBPS, outputSampleRate: SAMPLE_RATE });
  return {
    head: () => NOTHING,
    encode: (samples) => mp3.encode([samples]).slice(), // it uses the same memory for the next piece
    end: () => mp3.finalize().slice(),
  };
}
