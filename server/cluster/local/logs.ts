import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine } from '../../../sdk/contract/index.ts';
import type { LogQuery } from '../driver.ts';
import { openMask } from '../mask.ts';
import { type Place, readOn, readTail } from './log-reader.ts';
import { hasLongEnded, type Slot, type SlotSpec } from './slot.ts';

const FOLLOW_EVERY_MS = 200;

/** Lines of all slots in order of time; when followed, those of slots and processes that come later too, until the signal. */
export async function* readLogs(
  listSlots: () => readonly Slot[],
  { replica, tail, since, follow, previous }: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const chosen = () => listSlots().filter(({ spec }) => replica === undefined || spec.id === replica);
  const places = new Map<string, { run: number; place: Place }>();
  const first = chosen().map(async (slot) => {
    const run = previous ? slot.state.run - 1 : slot.state.run;
    if (run < 1) return [];
    const { spec } = slot; // with the secrets of what is read now
    const { lines, place } = await readTail(slot.folder, run, tail);
    places.set(slot.spec.id, { run, place });
    return linesOf(spec, lines);
  });
  yield* inOrder(await Promise.all(first), since);
  while (follow && !previous && !signal.aborted) {
    const talking = chosen().filter((slot) => !hasLongEnded(slot, Date.now()));
    yield* inOrder(await Promise.all(talking.map((slot) => readNew(slot, places))), since);
    await sleep(FOLLOW_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** The rest of the process that was followed, then what later ones said. */
async function readNew(slot: Slot, places: Map<string, { run: number; place: Place }>): Promise<LogLine[]> {
  const { spec } = slot;
  const last = slot.state.run;
  const from = places.get(slot.spec.id) ?? { run: Math.max(1, last), place: { inode: 0, offset: 0 } };
  const lines = await readOn(slot.folder, from.run, from.place);
  places.set(slot.spec.id, from);
  while (from.run < last) {
    Object.assign(from, { run: from.run + 1, place: { inode: 0, offset: 0 } });
    lines.push(...(await readOn(slot.folder, from.run, from.place)));
  }
  return linesOf(spec, lines);
}

const TIME_CHARS = 24;
const STREAM_CHARS = 6;

function linesOf(spec: SlotSpec, lines: readonly string[]): LogLine[] {
  const mask = openMask(spec.secrets);
  return lines.map((line) => ({
    replica: spec.id,
    region: spec.region,
    at: Date.parse(line.slice(0, TIME_CHARS)),
    stream: line.startsWith('stderr', TIME_CHARS + 1) ? 'stderr' : 'stdout',
    text: mask(line.slice(TIME_CHARS + STREAM_CHARS + 2).replace(/\r$/, '')),
  }));
}

/** The sort is stable: lines of one slot stay as they were written. */
const inOrder = (lines: readonly LogLine[][], since: number): LogLine[] =>
  lines
    .flat()
    .filter(({ at }) => at >= since)
    .sort((a, b) => a.at - b.at);
