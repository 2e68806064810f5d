import { type Finding, finding, type Source } from './source.ts';

const TRANSACTION = /\.transaction\(\)(?:\s*\.\w+\([^()]*\))*?\s*\.execute\(/g;
const PARAMETER = /^\s*(?:async\s*)?\(?\s*(\w+)/;
/** The outer executor in any spelling: `db`, `context.db`, `{ db }`; not `db:` (a name) and not `.db` of the transaction. */
const OUTER = /\bdb\b(?!\s*:)/g;

/** SQLite has one connection, so the outer `db` inside a transaction waits for itself for ever. Tests of races on Postgres need both. */
export function inspectTransactions(sources: readonly Source[]): Finding[] {
  const product = sources.filter(({ path }) => !path.startsWith('test/'));
  return product.flatMap((source) =>
    [...source.code.matchAll(TRANSACTION)].flatMap((match) => outerUses(source, match)),
  );
}

function outerUses(source: Source, { 0: found, index }: RegExpExecArray): Finding[] {
  const start = index + found.length;
  const body = source.code.slice(start, closing(source.code, start));
  const parameter = PARAMETER.exec(body)?.[1];
  if (parameter === 'db')
    return [finding(source, start, 'a transaction called `db` hides the outer one', 'Call the parameter `trx`.')];
  return [...body.matchAll(OUTER)].map((use) =>
    finding(
      source,
      start + use.index,
      'outer `db` inside a transaction',
      `Pass \`${parameter ?? 'trx'}\`: on SQLite the outer one deadlocks.`,
    ),
  );
}

/** Where the parenthesis opened before `start` closes. */
function closing(code: string, start: number): number {
  let depth = 1;
  for (let at = start; at < code.length; at++) {
    if (code[at] === '(') depth++;
    else if (code[at] === ')' && --depth === 0) return at;
  }
  return code.length;
}
