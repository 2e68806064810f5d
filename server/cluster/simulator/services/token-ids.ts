import { hashText } from '../random.ts';

const VOCABULARY = 100_000;

/** A number for each token, the same for the same token. */
export const tokenIds = (tokens: readonly string[]): number[] => tokens.map((token) => hashText(token) % VOCABULARY);
