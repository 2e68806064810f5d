import type { Eco, Workload, WorkloadState } from '../sdk/index.ts';
import { Ending } from './ending.ts';
import { loadTimeline } from './live/load.ts';
import { progressLine } from './progress-line.ts';
import { isWatched } from './terminal.ts';

export interface Watching {
  timeoutMs: number;
  signal: AbortSignal;
  note: (text: string) => void;
  /** A script reads what is said: no view, whatever the terminal is. */
  isScripted?: boolean | undefined;
}

/** Waits for a state and shows how it gets there: a view where a person watches, else every change once. Ctrl-C ends the waiting, never what runs. */
export async function watchUntil(
  eco: Eco,
  ref: string | number,
  states: WorkloadState[],
  watching: Watching,
): Promise<Workload> {
  const { timeoutMs, signal } = watching;
  let last: Workload | undefined;
  const onChange = (workload: Workload) => {
    last = workload;
  };
  try {
    const watch: Watch = watching.isScripted || !isWatched(process.stderr) ? watchLines : await loadTimeline();
    return await watch(eco, ref, states, { timeoutMs, signal, onChange, note: watching.note });
  } catch (error) {
    if (signal.aborted) throw detached(last?.ref ?? String(ref), last?.id ?? ref);
    throw error;
  }
}

/** Waits, and tells each change: `onChange` the program, `note` the person. */
export type Watch = (
  eco: Eco,
  ref: string | number,
  states: WorkloadState[],
  watching: Watching & { onChange: (workload: Workload) => void },
) => Promise<Workload>;

const watchLines: Watch = (eco, ref, states, { onChange, note, ...options }) => {
  let said = '';
  const tell = (workload: Workload) => {
    onChange(workload);
    const line = progressLine(workload);
    if (line !== said) note(line);
    said = line;
  };
  return eco.workloads.waitUntil(ref, states, { ...options, onChange: tell });
};

function detached(name: string, id: string | number): Ending {
  const hint = `Watch it again with: eco wait ${id}, read its logs with: eco logs ${id} -f, end it with: eco terminate ${id}`;
  return new Ending('aborted', `Stopped watching; ${name} goes on.`, hint);
}
