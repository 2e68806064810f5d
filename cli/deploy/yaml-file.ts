import { readFile } from 'node:fs/promises';
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../usage-error.ts';
import { substitute } from './substitute.ts';

type Keys = readonly PropertyKey[];

/** A mapping in YAML with variables put in, read by a schema. Throws a `FileError` that names file, line and field. */
export async function readYamlFile<T>(path: string, schema: z.ZodType<T>, env: NodeJS.ProcessEnv): Promise<T> {
  const source = parseYaml(path, await readText(path));
  const result = schema.safeParse(resolve(source, env));
  if (result.success) return result.data;
  throw new FileError(result.error.issues.flatMap((issue) => describe(issue, source)));
}

export interface Place {
  file: string;
  line: number;
}

/** What is wrong with a file, one line each. */
export class FileError extends UsageError {
  override name = 'FileError';
  /** Of the first. */
  readonly place: Place;

  constructor(problems: readonly (Place & { message: string })[]) {
    super(problems.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'), {
      hint: 'eco deploy --schema',
    });
    const { file = '', line = 1 } = problems[0] ?? {};
    this.place = { file, line };
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read. Name the file with -f.`, { cause, hint: 'eco deploy --help' });
  }
}

interface Source {
  file: string;
  document: Document;
  lines: LineCounter;
}

function parseYaml(file: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const source = { file, document, lines };
  const [broken] = document.errors;
  if (!broken) return source;
  const advice = text.includes('${') ? ' Inside {…} and […] a value with a variable must stand in quotes.' : '';
  throw new FileError([{ file, line: lineAt(source, broken.pos), message: `${broken.message}.${advice}` }]);
}

const lineAt = ({ lines }: Source, range: readonly number[] | null | undefined): number =>
  range?.[0] ? lines.linePos(range[0]).line : 1;

/** The content, with variables put in where values stand. */
function resolve(source: Source, env: NodeJS.ProcessEnv): unknown {
  visit(source.document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      try {
        node.value = substitute(node.value, env);
      } catch (error) {
        const message = `${error instanceof Error ? error.message : error} Set it, or write \${NAME:-default}.`;
        throw new FileError([{ file: source.file, line: lineAt(source, node.range), message }]);
      }
    },
  });
  return source.document.toJS() ?? {};
}

/** Of the key where it is there, else of the mapping that lacks it. */
function lineOf(source: Source, keys: Keys): number {
  const { document } = source;
  const parent = document.getIn(keys.slice(0, -1), true) ?? document.contents;
  const items = (Object(parent) as { items?: { key?: unknown }[] }).items ?? [];
  const key = items.map((item) => item.key).find((each) => isScalar(each) && each.value === keys.at(-1));
  const node = key ?? document.getIn(keys, true) ?? (keys.length > 0 ? parent : undefined);
  return lineAt(source, (Object(node) as { range?: [number, number, number] }).range);
}

function describe(issue: z.core.$ZodIssue, source: Source) {
  const { file } = source;
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const keys = [...path, key];
      return { file, line: lineOf(source, keys), message: `unknown field "${keys.join('.')}"` };
    });
  return [{ file, line: lineOf(source, path), message: `${path.join('.') || 'the file'}: ${issue.message}` }];
}
