import type { Eco, Workload } from '../../sdk/index.ts';
import { pollWorkloads, type WorkloadQuery } from './poll-workloads.ts';
import { workloadChanges } from './workload-changes.ts';

interface Telling {
  signal: AbortSignal;
  tell: (workload: Workload) => void;
  note: (text: string) => void;
}

/** Tells each workload once, and again with each change of it, until the signal: then it rejects with `aborted`. */
export async function tellWorkloads(eco: Eco, query: WorkloadQuery, { signal, tell, note }: Telling): Promise<void> {
  let before: readonly Workload[] = [];
  let wasLost = false;
  for await (const { workloads, lost } of pollWorkloads(eco, query, signal)) {
    if (lost !== undefined && !wasLost) note(`Lost the connection: ${lost} Trying again.`);
    if (lost === undefined && wasLost) note('The server answers again.');
    wasLost = lost !== undefined;
    const { changed, gone } = workloadChanges(before, workloads);
    for (const workload of changed) tell(workload);
    for (const id of gone) await tellEnd(eco, id, { signal, tell, note });
    before = workloads;
  }
}

/** What is no longer listed has come to its end, or newer ones have pushed it off the page. */
async function tellEnd(eco: Eco, id: number, { signal, tell, note }: Telling): Promise<void> {
  try {
    const workload = await eco.workloads.get(id, { signal, maxRetries: 0 });
    if (workload.state === 'terminated') tell(workload);
  } catch (error) {
    if (signal.aborted) throw error;
    note(`${id} is no longer listed.`);
  }
}
