import { readFileSync } from 'node:fs';
import { GENERATED, page } from './markdown.ts';

const SDK = new URL('../../sdk/', import.meta.url);

/** Every noun of the SDK with the signatures and docstrings of its methods, as they stand in the source. */
export function sdkPage(): string {
  return page(
    GENERATED,
    '# SDK',
    "`import { Eco } from 'ecolink'`, then `new Eco({ apiKey, baseUrl })`. Fetch only: Node 22 and newer, Bun, Deno and browsers. Lists can be awaited (a page) or iterated (all of it). Every method takes `{ signal, timeoutMs, maxRetries }` last; methods that change something also `idempotencyKey`. Errors are `EcoError` with `code`, `status`, `param`, `hint` and `requestId`.",
    ...readNouns().flatMap(({ noun, file, says }) => [`## eco.${noun}`, says, ...readMethods(noun, file)]),
    '## eco.openai()',
    'A ready client of the `openai` package, which has to be installed beside this one.',
  );
}

interface Noun {
  noun: string;
  file: string;
  says: string;
}

const FIELD = /(?:\/\*\* ([^\n]*) \*\/\n\s*)?readonly (\w+): (\w+);/g;

/** The public fields of `Eco`, and the file of each one's class. */
function readNouns(): Noun[] {
  const source = read('eco.ts');
  return [...source.matchAll(FIELD)].flatMap(([, says = '', noun = '', type = '']) => {
    const [, file] =
      new RegExp(`import \\{[^}]*\\b${type}\\b[^}]*\\} from '\\./(resources/[\\w-]+\\.ts)'`).exec(source) ?? [];
    return file === undefined ? [] : [{ noun, file, says }];
  });
}

const METHOD = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*((?:async \*?)?\w+\([\s\S]*?\)(?:: [^;{]+?)?)(?: \{|;)\n/g;
const PARENT = /class \w+ extends (\w+)/;

/** A section for each method: what it says, and how it is called. Methods of a class it extends come last. */
function readMethods(noun: string, file: string): string[] {
  const source = read(file);
  const own = [...source.matchAll(METHOD)].map(([, says = '', signature = '']) => method(noun, says, signature));
  const [, parent = ''] = PARENT.exec(source) ?? [];
  const [, from] = new RegExp(`import \\{[^}]*\\b${parent}\\b[^}]*\\} from '\\./([\\w-]+\\.ts)'`).exec(source) ?? [];
  return from === undefined || from === 'resource.ts' ? own : [...own, ...readMethods(noun, `resources/${from}`)];
}

function method(noun: string, says: string, signature: string): string {
  const flat = signature
    .replace(/^async \*?/, '')
    .replace(/\s+/g, ' ')
    .replaceAll('( ', '(')
    .replace(/,? \)/, ')');
  return `### ${noun}.${/^\w+/.exec(flat)?.[0]}\n\n\`\`\`text\neco.${noun}.${flat}\n\`\`\`\n\n${says.replace(/\s*\n\s*\* ?/g, ' ').trim()}`;
}

const read = (file: string) => readFileSync(new URL(file, SDK), 'utf8');
