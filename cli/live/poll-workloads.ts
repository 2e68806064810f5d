import { setTimeout as sleep } from 'node:timers/promises';
import type { Eco, Workload } from '../../sdk/index.ts';
import { isPassing } from './passing.ts';

const EVERY_MS = 1_000;
const ANSWER_MAX_MS = 10_000;

export type WorkloadQuery = NonNullable<Parameters<Eco['workloads']['list']>[0]>;

/** What is known of a list of workloads. */
export interface Seen {
  workloads: readonly Workload[];
  at: number;
  /** Why it could not be asked for again since `at`. */
  lost?: string | undefined;
}

/** The list once a second until the signal; a server that is away meanwhile is told, and asked again. */
export async function* pollWorkloads(eco: Eco, query: WorkloadQuery, signal: AbortSignal): AsyncGenerator<Seen, void> {
  let seen = await ask(eco, query, { signal }); // a server that never answered is an error at once
  for (;;) {
    yield seen;
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {}); // then asking rejects with `aborted`
    seen = await askAgain(eco, query, { signal, seen });
  }
}

async function askAgain(
  eco: Eco,
  query: WorkloadQuery,
  { signal, seen }: { signal: AbortSignal; seen: Seen },
): Promise<Seen> {
  try {
    return await ask(eco, query, { signal, maxRetries: 0, timeoutMs: ANSWER_MAX_MS });
  } catch (error) {
    if (signal.aborted || !isPassing(error)) throw error;
    return { ...seen, lost: error instanceof Error ? error.message : String(error) };
  }
}

async function ask(
  eco: Eco,
  query: WorkloadQuery,
  options: { signal: AbortSignal; maxRetries?: number; timeoutMs?: number },
): Promise<Seen> {
  return { workloads: (await eco.workloads.list(query, options)).data, at: Date.now() };
}
