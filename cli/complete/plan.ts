import { type Source, sourceOf } from './sources.ts';
import type { CommandSpec, FlagSpec, Tree } from './tree.ts';

/** A word that may stand at the cursor, and what it means. */
export type Candidate = readonly [word: string, meaning: string];

/** What completes the word at the cursor: words known beforehand, names that the server knows, files, or nothing. */
export type Plan =
  | { type: 'words'; candidates: Candidate[] }
  | { type: 'names'; source: Source; prefix: string }
  | { type: 'files' }
  | { type: 'nothing' };

const NOTHING: Plan = { type: 'nothing' };

/** Decides it from the words behind `eco`, the last one being at the cursor. */
export function planCompletion(tree: Tree, words: readonly string[]): Plan {
  const typed = words[0] === 'help' ? words.slice(1) : words;
  const before = typed.slice(0, -1);
  const current = typed.at(-1) ?? '';
  const found = words[0] === 'help' ? undefined : findCommand(tree, before);
  if (!found) return { type: 'words', candidates: nextWords(tree, before) };

  const { command, rest } = found;
  if (rest.includes('--')) return NOTHING;
  const [flagText, ...valueParts] = current.split('=');
  if (current.startsWith('--') && valueParts.length > 0) return ofFlag(command, flagText ?? '', `${flagText}=`);
  const pending = findFlag(command, rest.at(-1) ?? '');
  if (pending?.spec.type === 'option') return ofFlag(command, rest.at(-1) ?? '', '');
  if (current.startsWith('-')) return { type: 'words', candidates: flagsLeft(command, rest) };
  return ofArgument(command, rest);
}

/** The command that most of the leading words name, and the words behind it. */
function findCommand({ commands }: Tree, words: readonly string[]) {
  const byName = new Map([...commands.values()].flatMap((spec) => namesOf(spec).map((name) => [name, spec])));
  for (let count = words.length; count > 0; count--) {
    const command = byName.get(words.slice(0, count).join(':'));
    if (command) return { command, rest: words.slice(count) };
  }
  return undefined;
}

const namesOf = ({ id, hiddenAliases = [] }: CommandSpec) => [id, ...hiddenAliases];

/** Topics and commands one word longer than what is there. */
function nextWords({ commands, topics }: Tree, before: readonly string[]): Candidate[] {
  const start = before.map((word) => `${word}:`).join('');
  const shown = [...commands.values()].filter(({ hidden }) => !hidden);
  const known = [...topics, ...shown.map(({ id, summary = '' }) => [id, summary] as const)];
  const next = known
    .filter(([id]) => id.startsWith(start) && !id.slice(start.length).includes(':'))
    .map(([id, meaning]) => [id.slice(start.length), meaning] as const);
  return [...new Map(next)].toSorted(([a], [b]) => a.localeCompare(b));
}

function findFlag({ flags }: CommandSpec, text: string): { name: string; spec: FlagSpec } | undefined {
  const [name, spec] =
    Object.entries(flags).find(([name, { char }]) => text === `--${name}` || text === `-${char}`) ?? [];
  return name === undefined || !spec ? undefined : { name, spec };
}

function ofFlag(command: CommandSpec, text: string, prefix: string): Plan {
  const flag = findFlag(command, text);
  if (flag?.spec.type !== 'option') return NOTHING;
  return ofValue(command.id, flag.name, { options: flag.spec.options, prefix });
}

function ofArgument(command: CommandSpec, rest: readonly string[]): Plan {
  const isValue = (at: number) => findFlag(command, rest[at - 1] ?? '')?.spec.type === 'option';
  const given = rest.filter((word, at) => !word.startsWith('-') && !isValue(at)).length;
  const [name, spec] = Object.entries(command.args)[given] ?? [];
  return name === undefined ? NOTHING : ofValue(command.id, name, { options: spec?.options, prefix: '' });
}

function ofValue(
  id: string,
  name: string,
  { options, prefix }: { options: readonly string[] | undefined; prefix: string },
): Plan {
  if (options) return { type: 'words', candidates: options.map((option) => [`${prefix}${option}`, '']) };
  const source = sourceOf(id, name);
  if (source === 'files') return { type: 'files' };
  return source === undefined ? NOTHING : { type: 'names', source, prefix };
}

/** Flags that may still be given. */
function flagsLeft({ flags }: CommandSpec, rest: readonly string[]): Candidate[] {
  return Object.entries(flags)
    .filter(([name, { hidden, multiple }]) => !hidden && (multiple || !rest.includes(`--${name}`)))
    .flatMap(([name, { description = '', summary = description, allowNo }]) => [
      [`--${name}`, summary] as const,
      ...(allowNo ? [[`--no-${name}`, `not: ${summary}`] as const] : []),
    ]);
}
