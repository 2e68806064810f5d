import { stripVTControlCharacters } from 'node:util';

/** Header → what a row shows there. */
export type Columns<T> = Record<string, (row: T) => string | number | null | undefined>;

const GAP = '  ';

/** What the last column must have left to be wrapped. */
const WRAPPED_MIN = 24;

/**
 * Rows in aligned columns. Where they do not fit into `width` characters the last column is wrapped, and where that
 * would leave it too narrow, each row is a block of lines.
 */
export function formatTable<T>(rows: readonly T[], columns: Columns<T>, width = Number.POSITIVE_INFINITY): string {
  const headers = Object.keys(columns);
  const cells = rows.map((row) => Object.values(columns).map((show) => plain(show(row))));
  const widths = headers.map((header, at) =>
    Math.max(lengthOf(header), ...cells.map((row) => lengthOf(row[at] ?? ''))),
  );
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + GAP.length, 0);
  const left = Math.min(width - before, widths.at(-1) ?? 0);
  if (left < Math.min(WRAPPED_MIN, widths.at(-1) ?? 0))
    return cells.map((row) => formatPairs(headers, row)).join('\n\n');
  return [headers, ...cells]
    .flatMap((row) => wrapLast(row, left))
    .map((row) => line(row, widths))
    .join('\n');
}

/** A row as one or several, each with a part of the last cell. */
function wrapLast(row: string[], width: number): string[][] {
  const [first = '', ...more] = wrap(row.at(-1) ?? '', width);
  return [row.with(-1, first), ...more.map((part) => row.map(() => '').with(-1, part))];
}

/** Lines of at most `width` characters, cut between words where there are any. */
function wrap(text: string, width: number): string[] {
  const characters = [...text];
  if (characters.length <= width) return [text];
  const space = characters.lastIndexOf(' ', width);
  const end = space > 0 ? space : width;
  const rest = characters.slice(space > 0 ? end + 1 : end).join('');
  return [characters.slice(0, end).join(''), ...wrap(rest, width)];
}

/** One thing: a line for each field that has a value. */
export function formatRecord(fields: Record<string, string | number | null | undefined>): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return formatPairs(
    shown.map(([name]) => name),
    shown.map(([, value]) => plain(value)),
  );
}

function formatPairs(names: string[], values: string[]): string {
  const width = Math.max(...names.map(lengthOf));
  return names.map((name, at) => line([name, values[at] ?? ''], [width, 0])).join('\n');
}

const line = (cells: string[], widths: number[]) =>
  cells
    .map((cell, at) => cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - lengthOf(cell))))
    .join(GAP)
    .trimEnd();

const lengthOf = (text: string) => [...text].length;

/** What others named cannot move the cursor or break the table. */
function plain(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  return stripVTControlCharacters(String(value)).replace(/\p{Cc}+/gu, ' ');
}
