import { posix } from 'node:path';
import { keepOnly, lex } from './lex.ts';

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  path: string;
  text: string;
}

export interface Import {
  /** `spawn`: started as a program of its own, by `new URL(…)` or `import.meta.resolve(…)`. */
  kind: 'value' | 'type' | 'dynamic' | 'spawn';
  /** A path from the root for what is relative, else the specifier. */
  target: string;
  at: number;
}

export interface Literal {
  value: string;
  at: number;
}

/** A file with its comments, texts and code told apart; all of one length, so that an offset means the same in each. */
export interface Source extends SourceFile {
  code: string;
  comments: string;
  literals: Literal[];
  imports: Import[];
}

export interface Finding {
  path: string;
  line: number;
  says: string;
  instead: string;
}

export function openSource({ path, text }: SourceFile): Source {
  const spans = lex(text);
  const code = keepOnly('code', text, spans);
  const literals = spans
    .filter(({ kind, start }) => kind === 'text' && /['"`]/.test(text.charAt(start)))
    .map(({ start, end }) => ({ value: text.slice(start + 1, end - 1), at: start }));
  return {
    path,
    text,
    code,
    comments: keepOnly('comment', text, spans),
    literals,
    imports: importsOf(path, code, literals),
  };
}

const IMPORTS = [
  ['type', /^(?:import|export)\s+type\s[^;'"()=]*?\bfrom\s*(?=['"])/gm],
  ['value', /^(?:import|export)\s(?!\s*type\s)[^;'"()=]*?\bfrom\s*(?=['"])/gm],
  ['value', /^import\s*(?=['"])/gm],
  ['type', /\btypeof\s+import\(\s*(?=['"])/g],
  ['dynamic', /(?<!\btypeof\s+)\bimport\(\s*(?=['"])/g],
  ['spawn', /\bnew URL\(\s*(?=['"])/g],
  ['spawn', /\bimport\.meta\.resolve\(\s*(?=['"])/g],
] as const satisfies [Import['kind'], RegExp][];

function importsOf(path: string, code: string, literals: readonly Literal[]): Import[] {
  const texts = new Map(literals.map(({ at, value }) => [at, value]));
  return IMPORTS.flatMap(([kind, pattern]) =>
    [...code.matchAll(pattern)].flatMap(({ 0: found, index }) => {
      const specifier = texts.get(index + found.length);
      return specifier === undefined ? [] : [{ kind, target: resolve(path, specifier), at: index }];
    }),
  ).toSorted((a, b) => a.at - b.at);
}

const resolve = (from: string, specifier: string) =>
  specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : specifier;

export function finding({ path, text }: SourceFile, at: number, says: string, instead: string): Finding {
  return { path, line: text.slice(0, at).split('\n').length, says, instead };
}
