import { hashText } from '../../random.ts';

export const SAMPLE_RATE = 24_000;

const LETTER_SECONDS = 0.06;
const GAP_SECONDS = 0.08;
const FADE_SECONDS = 0.01;
const LOUDNESS = 0.4;
const LOWEST_HZ = 180;
const SPAN_HZ = 420;

/** One tone for each word, as long as the word, and silence after it; -1 to 1, 24 000 samples a second. */
export function* speakTones(text: string, speed: number): Generator<Float32Array<ArrayBuffer>> {
  for (const word of text.match(/\S+/gu) ?? []) yield tone(word, speed);
}

/** How many samples the same text has. */
export const countSamples = (text: string, speed: number): number =>
  (text.match(/\S+/gu) ?? []).reduce((sum, word) => sum + lengthOf(word, speed).all, 0);

function lengthOf(word: string, speed: number): { voiced: number; all: number } {
  const voiced = Math.round(([...word].length * LETTER_SECONDS * SAMPLE_RATE) / speed);
  return { voiced, all: voiced + Math.round((GAP_SECONDS * SAMPLE_RATE) / speed) };
}

function tone(word: string, speed: number): Float32Array<ArrayBuffer> {
  const { voiced, all } = lengthOf(word, speed);
  const hertz = LOWEST_HZ + (hashText(word.toLowerCase()) % SPAN_HZ);
  const fade = Math.min(FADE_SECONDS * SAMPLE_RATE, voiced / 2);
  const samples = new Float32Array(all);
  for (let at = 0; at < voiced; at++) {
    const edge = Math.min(1, at / fade, (voiced - at) / fade);
    samples[at] = Math.sin((2 * Math.PI * hertz * at) / SAMPLE_RATE) * LOUDNESS * edge;
  }
  return samples;
}
