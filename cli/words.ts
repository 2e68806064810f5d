import { UsageError } from './usage-error.ts';

/** Splits a command line as a shell would, quotes and backslashes included, and runs none: `$`, `|` and `*` are letters. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= '';
    if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === '\\' && quote !== "'") word += text.charAt(++at);
    else word += char;
  }
  if (quote !== '') throw new UsageError(`The command has a ${quote} without its partner: ${text}`);
  return word === undefined ? words : [...words, word];
}
