import { EventEmitter } from 'node:events';
import type { Context } from '../../context.ts';
import type { Db } from '../../db/open.ts';

/** Changes of one workload from when it was opened; none between two calls is missed. */
export interface Watch extends Disposable {
  /** Resolves at the next change, after `timeoutMs`, or when the signal aborts, whichever is first. */
  changed(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

/** Tells waiting requests which workloads changed, here or on another server. */
export interface Feed {
  watch(workload_id: number): Watch;
}

const ROWS_MAX = 1_000;

export async function openFeed({ db, changes }: Pick<Context, 'db' | 'changes'>): Promise<Feed> {
  const emitter = new EventEmitter().setMaxListeners(0);
  let seen: number | undefined;
  await changes.follow('workloads', async (since) => {
    if (seen === undefined) {
      seen = await currentNumber(db); // nobody waits yet for what was before
      return seen;
    }
    const rows = await listChanged(db, Math.max(since, seen));
    for (const { id } of rows) emitter.emit(String(id));
    return rows.at(-1)?.changed_seq ?? since;
  });
  return { watch: (id) => openWatch(emitter, String(id)) };
}

async function currentNumber(db: Db): Promise<number> {
  const { seq } = await db.selectFrom('topics').select('seq').where('name', '=', 'workloads').executeTakeFirstOrThrow();
  return seq;
}

const listChanged = (db: Db, since: number) =>
  db
    .selectFrom('workloads')
    .select(['id', 'changed_seq'])
    .where('changed_seq', '>', since)
    .orderBy('changed_seq')
    .limit(ROWS_MAX)
    .execute();

function openWatch(emitter: EventEmitter, name: string): Watch {
  let isDirty = false;
  let wake = () => {};
  const note = () => {
    isDirty = true;
    wake();
  };
  emitter.on(name, note);
  return {
    async changed(timeoutMs, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, Math.max(0, timeoutMs));
      const onAbort = () => resolve();
      signal.addEventListener('abort', onAbort);
      if (isDirty || signal.aborted) resolve();
      await promise;
      signal.removeEventListener('abort', onAbort); // the signal lives as long as the request, and this is called often
      clearTimeout(timer);
      isDirty = false;
    },
    [Symbol.dispose]: () => void emitter.off(name, note),
  };
}
