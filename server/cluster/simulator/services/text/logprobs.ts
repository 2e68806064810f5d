import { hashText, openRandom } from '../../random.ts';
import { inventWord } from '../words.ts';

/** A token, and the logarithm of how likely it was. */
export interface Likely {
  token: string;
  logprob: number;
}

export interface Logprobs extends Likely {
  /** The likeliest tokens in its place, itself among them, best first. */
  top: Likely[];
}

const LEAST = 0.35;
const SPAN = 0.6;

/** How likely a token was in its place, and what else was: all together less than certain. */
export function inventLogprobs(token: string, at: number, top: number): Logprobs {
  const random = openRandom(hashText(`${at} ${token}`));
  const chosen = LEAST + random() * SPAN;
  const likely: Likely[] = [{ token, logprob: Math.log(chosen) }];
  let left = 1 - chosen;
  for (let tries = 0; likely.length < top && tries < top * 4; tries++) {
    const other = ` ${inventWord(random)}`;
    if (likely.some((known) => known.token === other)) continue;
    const share = Math.min(left, chosen) * (0.3 + random() * 0.3);
    left -= share;
    likely.push({ token: other, logprob: Math.log(share) });
  }
  const best = likely.toSorted((a, b) => b.logprob - a.logprob).slice(0, top);
  return { token, logprob: Math.log(chosen), top: best };
}
