import type { Workload } from '../../sdk/index.ts';
import type { Columns } from '../table.ts';
import { formatAge } from '../time.ts';
import { workloadColumns } from '../workload-view.ts';
import { formatElapsed } from './elapsed.ts';
import { harmless } from './harmless.ts';
import type { Line, Segment, Size, Tone } from './line.ts';
import type { Seen } from './poll-workloads.ts';
import { SIGNS, TONES } from './state-look.ts';
import { pad, widthOf } from './width.ts';

const GAP = '  ';
/** What the message must have, to be worth a column. */
const MESSAGE_MIN = 16;
/** What goes first where the terminal is narrow. */
const LEAST_IMPORTANT = ['REGIONS', 'GPU', 'RATE', 'AGE', 'MESSAGE', 'READY', 'ID'];

export interface Shown extends Seen {
  /** Rows that were scrolled away at the top. */
  offset: number;
}

/** The table of workloads in the space there is, and below it how fresh it is. */
export function workloadsLines({ workloads, offset, ...seen }: Shown, now: number, { columns, rows }: Size): Line[] {
  const room = roomFor(rows);
  const from = Math.min(offset, lastOffset(workloads.length, rows));
  const table = tableLines(workloads, now, columns);
  const hidden =
    workloads.length > room ? `${from + 1}–${from + room} of ${workloads.length}, j and k scroll` : undefined;
  const [head = [], ...body] = table;
  const empty: Line[] = workloads.length === 0 ? [[{ text: 'Nothing is there.', tone: 'faint' }]] : [];
  return [head, ...body.slice(from, from + room), ...empty, footer(seen, now, hidden)];
}

/** How far the table can be scrolled. */
export const lastOffset = (count: number, rows: number): number => Math.max(0, count - roomFor(rows));

/** Head and foot take a line each. */
const roomFor = (rows: number) => Math.max(1, rows - 2);

function footer({ at, lost }: Omit<Seen, 'workloads'>, now: number, hidden: string | undefined): Line {
  if (lost !== undefined)
    return [{ text: `✗ No news for ${formatElapsed(now - at)}; trying again. ${harmless(lost)}`, tone: 'bad' }];
  return [{ text: [hidden, 'q leaves'].filter(Boolean).join('; '), tone: 'faint' }];
}

function tableLines(workloads: readonly Workload[], now: number, columns: number): Line[] {
  const shown = fit(columnsOf(workloads, now), columns);
  const head = lineOf(shown, ({ header }) => ({ text: header, tone: 'faint' }));
  const body = workloads.map(({ state }, at) =>
    lineOf(shown, ({ header, cells }) => ({ text: cells[at] ?? '', tone: toneOf(header, state) })),
  );
  return [head, ...body];
}

interface Column {
  header: string;
  cells: readonly string[];
  width: number;
}

/** The columns of `eco ps`; states have their sign. */
function columnsOf(workloads: readonly Workload[], now: number): Column[] {
  const shows: Columns<Workload> = {
    ...workloadColumns,
    STATE: ({ state }) => `${SIGNS[state]} ${state}`,
    AGE: ({ created_at }) => formatAge(created_at, now),
  };
  return Object.entries(shows).map(([header, show]) => {
    const cells = workloads.map((workload) => harmless(String(show(workload) ?? '-')));
    return { header, cells, width: Math.max(...[header, ...cells].map(widthOf)) };
  });
}

function lineOf(columns: readonly Column[], segmentOf: (column: Column) => Segment): Line {
  const segments: Segment[] = columns.map((column) => {
    const { text, tone } = segmentOf(column);
    return { text: pad(text, column.width) + GAP, tone };
  });
  const last = columns.at(-1);
  return last ? segments.with(-1, segmentOf(last)) : [];
}

/** As many columns as there is room for; the message takes what is left. */
function fit(table: readonly Column[], columns: number): readonly Column[] {
  const needed = ({ header, width }: Column) => (header === 'MESSAGE' ? Math.min(width, MESSAGE_MIN) : width);
  let shown = table;
  for (const header of LEAST_IMPORTANT) {
    const total = shown.reduce((sum, column) => sum + needed(column) + GAP.length, -GAP.length);
    if (total <= columns) break;
    shown = shown.filter((column) => column.header !== header);
  }
  return shown;
}

function toneOf(header: string, state: Workload['state']): Tone | undefined {
  if (header === 'STATE') return TONES[state];
  return header === 'NAME' ? 'strong' : undefined;
}
