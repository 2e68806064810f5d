import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { UsageError } from './usage-error.ts';

/** Variables of a file in the syntax of dotenv. Throws a `UsageError` that names the file, and the line that is wrong. */
export const readEnvFile = (path: string, flag = '--env-file'): Record<string, string> =>
  parseEnvFile(path, readText(path, flag));

/** Later files go before earlier ones. */
export const readEnvFiles = (paths: readonly string[] = [], flag = '--env-file'): Record<string, string> =>
  Object.assign({}, ...paths.map((path) => readEnvFile(path, flag)));

const FILE_MAX_BYTES = 1024 * 1024;

function readText(path: string, flag: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new UsageError(`${flag} ${path}: ${why}.`, { cause });
  }
  if (bytes.length > FILE_MAX_BYTES)
    throw new UsageError(`${flag} ${path}: it is larger than ${FILE_MAX_BYTES} bytes.`);
  return bytes.toString('utf8');
}

/** What Node would pass over in silence is an error here: a variable that is missing is found late, in a container. */
export function parseEnvFile(path: string, text: string): Record<string, string> {
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) at = checkLine(path, lines, at);
  return { ...parseEnv(text) } as Record<string, string>;
}

const ASSIGNMENT = /^\s*(?:export\s+)?([^\s=]+)\s*=\s*(.*)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** The last line of what begins at this one: a value in quotes may have several. */
function checkLine(path: string, lines: readonly string[], at: number): number {
  const line = lines[at] ?? '';
  if (/^\s*(#|$)/.test(line)) return at;
  const [, name = '', value = ''] = ASSIGNMENT.exec(line) ?? [];
  if (name === '') throw new UsageError(`${path}:${at + 1}: a line must be NAME=value, empty, or a comment.`);
  if (!NAME.test(name)) throw new UsageError(`${path}:${at + 1}: "${name}" is no name of an environment variable.`);
  const quote = /^["'`]/.exec(value)?.[0];
  if (quote === undefined || value.indexOf(quote, 1) > 0) return at;
  const end = lines.findIndex((later, index) => index > at && later.includes(quote));
  if (end < 0) throw new UsageError(`${path}:${at + 1}: the value of ${name} has no ${quote} at its end.`);
  return end;
}
