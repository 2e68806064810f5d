import { hashText } from '../../random.ts';

const WORD_WEIGHT = 1;
/** Words that seldom say what a text is about. */
const PLAIN_WEIGHT = 0.2;
const PLAIN_LENGTH = 2;
const PLAIN_WORDS: ReadonlySet<string> = new Set(
  'the and for are was has had its our you your this that with from have will not but can did does how what when who why den die das der und ist ein eine mit von für'.split(
    ' ',
  ),
);
const GRAM_LENGTH = 3;
const GRAM_WEIGHT = 0.6;

/** A vector of unit length: a hashed bag of words and of pieces of words, so that texts that share them lie near. */
export function embed(text: string, dimensions: number): Float32Array {
  const vector = new Float64Array(dimensions);
  for (const [term, weight] of termsOf(text)) {
    const hash = hashText(term);
    const at = hash % dimensions;
    vector[at] = (vector[at] ?? 0) + (hash & 0x8000_0000 ? -weight : weight);
  }
  const length = Math.hypot(...vector);
  if (length === 0) vector[0] = 1;
  return Float32Array.from(vector, (value) => (length === 0 ? value : value / length));
}

/** The cosine of two vectors of unit length. */
export const similarity = (left: Float32Array, right: Float32Array): number =>
  left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0);

/** Each term once, with its weight; a term that comes again counts less each time. */
function termsOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (term: string, weight: number) => counts.set(term, (counts.get(term) ?? 0) + weight ** 2);
  for (const word of text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]+/gu) ?? []) {
    const isPlain = word.length <= PLAIN_LENGTH || PLAIN_WORDS.has(word);
    add(`word ${word}`, isPlain ? PLAIN_WEIGHT : WORD_WEIGHT);
    if (!isPlain) for (const gram of gramsOf(word)) add(gram, GRAM_WEIGHT);
  }
  return new Map([...counts].map(([term, squares]) => [term, Math.sqrt(squares)]));
}

function gramsOf(word: string): string[] {
  const padded = `^${word}$`;
  return Array.from({ length: padded.length - GRAM_LENGTH + 1 }, (_, at) => padded.slice(at, at + GRAM_LENGTH));
}
