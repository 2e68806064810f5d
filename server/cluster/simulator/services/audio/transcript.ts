import { openRandom } from '../../random.ts';
import { tokenize } from '../../tokenizer.ts';
import { tokenIds } from '../token-ids.ts';
import { inventWord } from '../words.ts';

const WORDS_PER_SECOND = 2.5;
const SEGMENT_WORDS = 10;

export interface Word {
  word: string;
  start: number;
  end: number;
}

export interface Segment {
  id: number;
  start: number;
  end: number;
  text: string;
  tokens: number[];
  /** Hundredths of a second before it. */
  seek: number;
  temperature: number;
  /** How sure it is: of each token, that there is speech at all, and that it does not repeat itself. */
  avg_logprob: number;
  no_speech_prob: number;
  compression_ratio: number;
}

/** Words for so many seconds, one at least. The same seed gives the same words. */
export function inventWordsSpoken(seconds: number, seed: number): Word[] {
  const random = openRandom(seed);
  const count = Math.max(1, Math.round(seconds * WORDS_PER_SECOND));
  return Array.from({ length: count }, (_, at) => ({
    word: inventWord(random),
    start: round((at * seconds) / count),
    end: round(((at + 1) * seconds) / count),
  }));
}

const round = (seconds: number): number => Math.round(seconds * 1_000) / 1_000;

const SURE = { temperature: 0, avg_logprob: -0.2, no_speech_prob: 0.01, compression_ratio: 1.2 } as const;

/** The words in sentences, one after the other. */
export function segmentsOf(words: readonly Word[]): Segment[] {
  const count = Math.ceil(words.length / SEGMENT_WORDS);
  return Array.from({ length: count }, (_, id) => {
    const own = words.slice(id * SEGMENT_WORDS, (id + 1) * SEGMENT_WORDS);
    const text = `${own.map(({ word }) => word).join(' ')}.`;
    const [start, end] = [own[0]?.start ?? 0, own.at(-1)?.end ?? 0];
    return { id, start, end, text, tokens: tokenIds(tokenize(text)), seek: Math.round(start * 100), ...SURE };
  });
}

export const toSrt = (segments: readonly Segment[]): string =>
  segments.map(({ id, start, end, text }) => `${id + 1}\n${span(start, end, ',')}\n${text}\n\n`).join('');

export const toVtt = (segments: readonly Segment[]): string =>
  `WEBVTT\n\n${segments.map(({ start, end, text }) => `${span(start, end, '.')}\n${text}\n\n`).join('')}`;

const span = (start: number, end: number, point: string) => `${clock(start, point)} --> ${clock(end, point)}`;

/** Hours, minutes, seconds, milliseconds. */
function clock(seconds: number, point: string): string {
  return new Date(Math.round(seconds * 1_000)).toISOString().slice(11, 23).replace('.', point);
}
