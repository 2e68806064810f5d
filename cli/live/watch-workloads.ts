import type { Eco } from '../../sdk/index.ts';
import { pollWorkloads, type WorkloadQuery } from './poll-workloads.ts';
import { openScreen } from './screen.ts';
import { lastOffset, type Shown, workloadsLines } from './workloads-view.ts';

/** Keeps the table of workloads on the terminal until `q`; a signal rejects with `aborted`. */
export async function watchWorkloads(eco: Eco, query: WorkloadQuery, signal: AbortSignal): Promise<void> {
  const left = new AbortController();
  const polls = pollWorkloads(eco, query, AbortSignal.any([signal, left.signal]));
  const first = await polls.next(); // before the screen: what fails at once is an error like any other
  if (first.done) return;
  let shown: Shown = { ...first.value, offset: 0 };
  let rows = 0;
  const scroll = (lines: number) => {
    const offset = Math.max(0, Math.min(shown.offset + lines, lastOffset(shown.workloads.length, rows)));
    shown = { ...shown, offset };
    screen.refresh();
  };
  const keys: Record<string, () => void> = {
    q: () => left.abort(),
    j: () => scroll(1),
    k: () => scroll(-1),
    down: () => scroll(1),
    up: () => scroll(-1),
  };
  await using screen = openScreen({
    stream: process.stdout,
    onKey: (key) => keys[key]?.(),
    draw(size) {
      rows = size.rows;
      return workloadsLines(shown, Date.now(), size);
    },
  });
  try {
    for await (const seen of polls) {
      shown = { ...seen, offset: shown.offset };
      screen.refresh();
    }
  } catch (error) {
    if (!left.signal.aborted) throw error;
  }
}
