import type { Replica } from '../tables.ts';
import type { Asking } from './ask.ts';
import { isUnknown, readSignals, type Signals } from './signals.ts';
import type { ReplicaLoad } from './store.ts';

/** Where engines have their metrics, the usual place first. */
const PATHS = ['/metrics', '/v1/metrics', '/prometheus/metrics'];
/** Until one that tells nothing is asked again. */
const SELDOM_MS = 60_000;
const BACK_OFF_MAX_MS = 30_000;

interface Memory {
  /** Which of the paths is next. */
  path: number;
  failures: number;
  dueAt: number;
}

interface Options {
  clock: () => number;
  everyMs: number;
}

/** Asks engines for their load. One that tells nothing is asked at other places, then seldom; one that fails less and less often. */
export function openReading(asking: Asking, { clock, everyMs }: Options) {
  const memories = new WeakMap<Replica, Memory>();

  const ask = async ({ origin }: Replica, path: string): Promise<Signals | undefined> => {
    const { status, text } = await asking.get(origin + path);
    if (status >= 500 && status !== 501) throw new Error(`answers ${status}`);
    const signals = status < 300 ? readSignals(text) : undefined;
    return signals && !isUnknown(signals) ? signals : undefined;
  };

  const read = async (replica: Replica): Promise<ReplicaLoad | undefined> => {
    const memory = memories.get(replica) ?? { path: 0, failures: 0, dueAt: 0 };
    memories.set(replica, memory);
    const asked_at = clock();
    if (asked_at < memory.dueAt) return undefined;
    try {
      const signals = await ask(replica, PATHS[memory.path] ?? '/metrics');
      memory.failures = 0;
      if (signals) return loadOf(replica, signals, { asked_at, told_at: clock() });
      memory.path = (memory.path + 1) % PATHS.length;
      if (memory.path === 0) memory.dueAt = asked_at + SELDOM_MS;
    } catch {
      memory.dueAt = asked_at + Math.min(BACK_OFF_MAX_MS, everyMs * (2 ** memory.failures++ - 1));
    }
    return undefined;
  };

  /** What these tell now; nothing of those that tell nothing. */
  return async (replicas: readonly Replica[]): Promise<ReplicaLoad[]> =>
    (await Promise.all(replicas.map(read))).filter((load) => load !== undefined);
}

export const addressOf = ({ origin }: Replica): string => origin.slice('http://'.length);

const loadOf = (
  replica: Replica,
  { running, waiting, kvUse }: Signals,
  times: Pick<ReplicaLoad, 'asked_at' | 'told_at'>,
): ReplicaLoad => ({
  replica_id: replica.id,
  address: addressOf(replica),
  ...times,
  ...(running !== undefined && { running }),
  ...(waiting !== undefined && { waiting }),
  ...(kvUse !== undefined && { kv_use: kvUse }),
});
