import type { Eco, Workload, WorkloadState } from '../sdk/index.ts';
import { Ending } from './ending.ts';

export interface Watching {
  timeoutMs: number;
  signal: AbortSignal;
  note: (text: string) => void;
}

/** Waits for a state and says every change once. Ctrl-C ends the waiting, never what runs. */
export async function watchUntil(
  eco: Eco,
  ref: string | number,
  states: WorkloadState[],
  watching: Watching,
): Promise<Workload> {
  const { timeoutMs, signal, note } = watching;
  let said = '';
  let last: Workload | undefined;
  const onChange = (workload: Workload) => {
    last = workload;
    const line = progressLine(workload);
    if (line !== said) note(line);
    said = line;
  };
  try {
    return await eco.workloads.waitUntil(ref, states, { timeoutMs, signal, onChange });
  } catch (error) {
    if (signal.aborted) throw detached(last?.ref ?? String(ref), last?.id ?? ref);
    throw error;
  }
}

export function progressLine({ ref, state, regions, message }: Workload): string {
  const ready = regions.reduce((sum, region) => sum + region.ready, 0);
  const desired = regions.reduce((sum, region) => sum + region.desired, 0);
  const readiness = desired === 0 ? '' : `  ${ready}/${desired} ready`;
  return `${ref}  ${state}${readiness}  ${message}`;
}

function detached(name: string, id: string | number): Ending {
  const hint = `Watch it again with: eco wait ${id}, read its logs with: eco logs ${id} -f, end it with: eco terminate ${id}`;
  return new Ending('aborted', `Stopped watching; ${name} goes on.`, hint);
}
