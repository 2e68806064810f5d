import { stripVTControlCharacters } from 'node:util';

/** Header → what a row shows there. */
export type Columns<T> = Record<string, (row: T) => string | number | null | undefined>;

const GAP = '  ';

/** Rows in aligned columns; where they do not fit into `width` characters, one block of lines a row. */
export function formatTable<T>(rows: readonly T[], columns: Columns<T>, width = Number.POSITIVE_INFINITY): string {
  const headers = Object.keys(columns);
  const cells = rows.map((row) => Object.values(columns).map((show) => plain(show(row))));
  const widths = headers.map((header, at) =>
    Math.max(lengthOf(header), ...cells.map((row) => lengthOf(row[at] ?? ''))),
  );
  const total = widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
  if (total > width) return cells.map((row) => formatPairs(headers, row)).join('\n\n');
  return [headers, ...cells].map((row) => line(row, widths)).join('\n');
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
