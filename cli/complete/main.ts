import { splitLine } from './line.ts';
import { type Candidate, planCompletion } from './plan.ts';
import { type Package, readTree } from './tree.ts';

const FILES = ':files';

/**
 * `eco __complete LINE`: what may stand at the end of the line, one a row, each with a tab and what it means; or that
 * it is a file. Says nothing where it knows nothing: an error would end up in what a person is typing.
 */
export async function main([line = '']: readonly string[], options: Package): Promise<void> {
  try {
    process.stdout.write(await complete(line, options));
  } catch {}
}

async function complete(line: string, options: Package): Promise<string> {
  const words = splitLine(line).slice(1);
  const plan = planCompletion(await readTree(options), words);
  if (plan.type === 'nothing') return '';
  if (plan.type === 'files') return `${FILES}\n`;
  const candidates = plan.type === 'words' ? plan.candidates : await names(plan, words);
  const current = words.at(-1) ?? '';
  return candidates
    .filter(([word]) => word.startsWith(current))
    .map(([word, meaning]) => `${word}\t${meaning.replaceAll(/\s+/g, ' ')}\n`)
    .join('');
}

async function names(
  { source, prefix }: Extract<ReturnType<typeof planCompletion>, { type: 'names' }>,
  words: string[],
) {
  const { listNames } = await import('./names.ts');
  const flags = { 'api-url': flagValue('--api-url', words), profile: flagValue('--profile', words) };
  const found = await listNames(source, flags);
  return found.map(([word, meaning]): Candidate => [`${prefix}${word}`, meaning]);
}

/** Of a flag that stands before the cursor: `--flag value` or `--flag=value`. */
function flagValue(flag: string, words: readonly string[]): string | undefined {
  const before = words.slice(0, -1);
  const joined = before.find((word) => word.startsWith(`${flag}=`));
  return joined?.slice(flag.length + 1) ?? (before.includes(flag) ? before[before.indexOf(flag) + 1] : undefined);
}
