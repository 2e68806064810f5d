import type { Eco, Replica } from '../../sdk/index.ts';

/** Of one listing; views show no more one by one anyway. */
const REPLICAS_MAX = 500;
const ANSWER_MAX_MS = 5_000;

/** Replicas as they are now, or undefined where that cannot be had: what is shown then goes without. */
export async function findReplicas(
  eco: Eco,
  ref: string | number,
  signal?: AbortSignal,
): Promise<Replica[] | undefined> {
  try {
    return (
      await eco.workloads.replicas(ref, { limit: REPLICAS_MAX }, { signal, maxRetries: 0, timeoutMs: ANSWER_MAX_MS })
    ).data;
  } catch {
    return undefined;
  }
}
