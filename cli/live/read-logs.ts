import type { Eco, LogLine, LogQuery } from '../../sdk/index.ts';
import { findReplicas } from './find-replicas.ts';
import { followLogs } from './follow-logs.ts';
import { LogFormat, type LogStyle, replicaName } from './log-format.ts';
import { asTheyCome, byTime } from './merge-lines.ts';

interface NamedLine extends LogLine {
  /** Its workload as it was asked for. */
  from: string;
}

interface Reading {
  query: LogQuery;
  signal: AbortSignal;
  note: (text: string) => void;
}

/** Lines of all these workloads: in order of time, or as they come where they are followed. */
export function readLogs(eco: Eco, refs: readonly string[], { query, signal, note }: Reading) {
  if (!query.follow) return byTime(refs.map((ref) => named(ref, eco.workloads.logs(ref, query, { signal }))));
  const follow = (ref: string) => {
    const onConnection = (state: 'lost' | 'back', cause?: unknown) =>
      note(state === 'back' ? `Reading ${ref} again from where it broke off.` : lost(ref, cause));
    return named(ref, followLogs(eco, ref, query, { signal, onConnection }));
  };
  return asTheyCome(refs.map(follow));
}

/** How the lines are written. Replicas that are there already have their names and colours settled first, unless it is about `replica` alone. */
export async function openLogFormat(
  eco: Eco,
  refs: readonly string[],
  { replica, ...style }: LogStyle & { replica: string | undefined },
): Promise<(line: NamedLine) => string> {
  const format = new LogFormat(style);
  const nameOf = (from: string, id: string) => replicaName(id, refs.length > 1 ? from : undefined);
  for (const ref of replica === undefined ? refs : [])
    for (const { id } of (await findReplicas(eco, ref)) ?? []) format.expect(nameOf(ref, id));
  return (line) => format.format(nameOf(line.from, line.replica), line);
}

async function* named(from: string, lines: AsyncIterable<LogLine>): AsyncGenerator<NamedLine, void> {
  for await (const line of lines) yield { ...line, from };
}

const lost = (ref: string, cause: unknown) =>
  `Lost the connection to the logs of ${ref}: ${cause instanceof Error ? cause.message : cause} Trying again.`;
