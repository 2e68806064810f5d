import type { Eco, LogLine } from '../../sdk/index.ts';
import { harmlessStyled } from './harmless.ts';
import type { SeenReplica, Timeline } from './timeline.ts';

const LINES = 8;
const TIMEOUT_MS = 5_000;

/** What the replica that failed wrote last; nothing where that cannot be read any more. */
export async function lastWords(eco: Eco, { workload, replicas }: Timeline): Promise<string[]> {
  const replica = failing(replicas, workload.reason)?.id;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const lines: LogLine[] = [];
  try {
    for await (const line of eco.workloads.logs(workload.id, { replica, tail: LINES }, { signal })) lines.push(line);
  } catch {
    // its error is told all the same
  }
  const last = lines.slice(-LINES);
  if (last.length === 0) return [];
  return ['', `Last lines of ${replica ?? workload.ref}:`, ...last.map(({ text }) => `  ${harmlessStyled(text)}`), ''];
}

const failing = (replicas: readonly SeenReplica[], reason: string) =>
  replicas.find((replica) => replica.reason === reason) ?? replicas.find(({ state }) => state !== 'ready');
