/**
 * Words of a command line that is still being typed, the last one being where the cursor is: '' behind a space. Quotes
 * may be open; what a shell would expand stays as it is.
 */
export function splitLine(line: string): string[] {
  const words = [''];
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (quote === '' && /\s/.test(char)) {
      if (words.at(-1) !== '') words.push('');
      continue;
    }
    if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else words[words.length - 1] += char === '\\' && quote !== "'" ? line.charAt(++at) : char;
  }
  return words;
}
