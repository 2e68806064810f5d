/** What the plan must know of a slot that stays. */
export interface Standing {
  id: string;
  isCurrent: boolean;
  isReady: boolean;
  /** It has no GPUs yet. */
  isWaiting: boolean;
  created_at: number;
}

export interface Wanted {
  replicas: number;
  /** Whether one more than wanted can have its GPUs and port now. */
  canSurge: boolean;
}

export interface SlotPlan {
  stop: string[];
  create: number;
}

/**
 * The next step towards so many slots of the current kind. A rollout has at most one slot more than asked for. While
 * that one fits, no ready slot goes before its successor is ready; else one old slot makes room at a time.
 */
export function planSlots({ replicas, canSurge }: Wanted, slots: readonly Standing[]): SlotPlan {
  const current = slots.filter(({ isCurrent }) => isCurrent);
  const outdated = slots.filter(({ isCurrent }) => !isCurrent);
  if (outdated.length === 0 || replicas === 0) return plainly(replicas, replicas === 0 ? slots : current);

  const useful = outdated.filter(({ isReady }) => isReady);
  const useless = outdated.filter(({ isReady }) => !isReady);
  const kept = Math.max(0, replicas - current.filter(({ isReady }) => isReady).length);
  const stop = [...useless, ...leastUsefulFirst(useful).slice(0, Math.max(0, useful.length - kept))];
  const left = current.length + outdated.length - stop.length;
  const missing = Math.max(0, Math.min(replicas - current.length, replicas - left));
  if (stop.length > 0 || missing > 0) return { stop: ids(stop), create: missing };

  if (current.length >= replicas)
    return { stop: ids(leastUsefulFirst(current).slice(0, current.length - replicas)), create: 0 };
  const makeRoom = { stop: ids(leastUsefulFirst(useful).slice(0, 1)), create: 0 };
  if (left > replicas && current.some(({ isWaiting }) => isWaiting)) return makeRoom; // what was free is not any more
  if (left > replicas || !current.every(({ isReady }) => isReady)) return { stop: [], create: 0 }; // wait for the newest
  return canSurge ? { stop: [], create: 1 } : makeRoom;
}

function plainly(replicas: number, slots: readonly Standing[]): SlotPlan {
  const surplus = Math.max(0, slots.length - replicas);
  return { stop: ids(leastUsefulFirst(slots).slice(0, surplus)), create: Math.max(0, replicas - slots.length) };
}

/** Unready before ready, youngest before oldest. */
const leastUsefulFirst = (slots: readonly Standing[]) =>
  slots.toSorted((a, b) => Number(a.isReady) - Number(b.isReady) || b.created_at - a.created_at);

const ids = (slots: readonly Standing[]) => slots.map(({ id }) => id);
