import { styleText } from 'node:util';
import { cut, widthOf } from './width.ts';

/** What a text means; colours say it again, never alone. */
export type Tone = 'good' | 'busy' | 'bad' | 'strong' | 'faint';

export interface Segment {
  text: string;
  tone?: Tone | undefined;
}

export type Line = readonly Segment[];

export interface Size {
  columns: number;
  rows: number;
}

const STYLES = { good: 'green', busy: 'yellow', bad: 'red', strong: 'bold', faint: 'dim' } as const;

/** The line as it is written, never wider than `columns`. */
export function paintLine(line: Line, { columns, hasColor }: { columns: number; hasColor: boolean }): string {
  return fitLine(line, columns)
    .map(({ text, tone }) => (tone && hasColor ? styleText(STYLES[tone], text, { validateStream: false }) : text))
    .join('');
}

function fitLine(line: Line, columns: number): Segment[] {
  const fitting: Segment[] = [];
  let left = columns;
  for (const segment of line) {
    fitting.push({ ...segment, text: cut(segment.text, left) });
    left -= widthOf(segment.text);
    if (left <= 0) break;
  }
  return fitting;
}
