import { engineOfWorkload } from '../../workloads/engines/index.ts';
import type { Instance, Replica } from '../tables.ts';
import type { Asking } from './ask.ts';
import { mismatchEvent, readNames } from './served-names.ts';
import { insertEventOnce } from './store.ts';
import type { EngineContext } from './watch.ts';

const TRIES_MAX = 5;

/** Asks each new replica once under which names it serves, and notes an event where requests come with others. */
export function openNameCheck({ db, changes, tables, log, clock }: EngineContext, asking: Asking) {
  const tries = new WeakMap<Replica, number>();

  const check = async (replica: Replica, instance: Instance) => {
    const { status, text } = await asking.get(`${replica.origin}${replica.basePath}/models`);
    if (status >= 500) throw new Error(`answers ${status}`);
    tries.set(replica, TRIES_MAX);
    const listed = status < 300 ? readNames(text) : undefined;
    const event = listed && mismatchEvent(instance.engine, { listed, wanted: tables.servedNamesOf(instance) });
    if (!event) return;
    const isNew = await db.transaction().execute((trx) => insertEventOnce(trx, instance, { now: clock(), event }));
    if (isNew) await changes.nudge('workloads');
  };

  const checkOnce = async (replica: Replica): Promise<void> => {
    const instance = tables.findInstance(replica.workload_id ?? 0);
    const tried = tries.get(replica) ?? 0;
    if (tried >= TRIES_MAX || !instance || engineOfWorkload(instance.engine).names === null) return;
    tries.set(replica, tried + 1);
    await check(replica, instance).catch((err) =>
      log.debug({ err, replica: replica.id }, 'a replica does not tell which names it serves'),
    );
  };

  return async (replicas: readonly Replica[]): Promise<void> => void (await Promise.all(replicas.map(checkOnce)));
}
