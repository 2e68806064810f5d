import type { Context } from '../context.ts';
import type { Tab } from '../gateway/tab.ts';
import { listOpenEstimates, type OpenEstimate } from './store.ts';

/** What videos under way will cost, on the tab of this server, whichever server took their orders. */
export interface Estimates {
  add(job: OpenEstimate): void;
  remove(id: string): void;
  /** Brings the tab to what the database says: also what another server, or an earlier run of this one, was asked for. */
  sync(): Promise<void>;
}

export function openEstimates({ db, clock }: Pick<Context, 'db' | 'clock'>, tab: Tab): Estimates {
  const noted = new Map<string, OpenEstimate>();
  const add = (job: OpenEstimate) => {
    if (noted.has(job.id)) return;
    noted.set(job.id, job);
    tab.add(job, job.estimate_nanos);
  };
  const remove = (id: string) => {
    const job = noted.get(id);
    if (!job) return;
    noted.delete(id);
    tab.remove(job, job.estimate_nanos);
  };
  return {
    add,
    remove,
    async sync() {
      const before = [...noted.keys()]; // what is added while the database answers may not be in its answer
      const open = await listOpenEstimates(db, clock());
      const ids = new Set(open.map(({ id }) => id));
      for (const id of before) if (!ids.has(id)) remove(id);
      for (const job of open) add(job);
    },
  };
}
