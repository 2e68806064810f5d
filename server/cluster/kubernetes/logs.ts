import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine } from '../../../sdk/contract/index.ts';
import { mergeByTime } from '../../workloads/merge-by-time.ts';
import type { LogQuery } from '../driver.ts';
import { ApiError, isNotFound } from './client/api-error.ts';
import type { Connection } from './client/connection.ts';
import { readLines } from './client/lines.ts';
import { objectPath } from './client/resources.ts';
import { CONTAINER } from './manifest/names.ts';
import type { Pod } from './objects.ts';

export interface LogContext {
  connection: Connection;
  region: string;
  /** The pod as it is now; undefined when it is gone. */
  find(uid: string): Pod | undefined;
  mask(text: string): string;
}

const MERGE_PATIENCE_MS = 200;
const RETRY_MS = 500;

/** Lines of pods in the order of time. */
export function readPodLogs(
  context: LogContext,
  pods: readonly Pod[],
  { query, signal }: { query: LogQuery; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const sources = pods.map((pod) =>
    query.follow ? followPod(context, pod, query, signal) : readOnce(context, pod, query, signal),
  );
  return mergeByTime(sources, { patienceMs: query.follow ? MERGE_PATIENCE_MS : Number.POSITIVE_INFINITY });
}

async function* readOnce(context: LogContext, pod: Pod, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
  try {
    yield* read(context, pod, { query, signal, since: query.since });
  } catch (error) {
    if (!isNotThere(error)) throw error;
  }
}

/**
 * Follows a pod over rotations, which end the stream, and over restarts, which begin another log: goes on from the last
 * line's time, which the API knows by the second only, and leaves out what it has given already.
 */
async function* followPod(
  context: LogContext,
  pod: Pod,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const uid = pod.metadata.uid ?? '';
  let last = { stamp: '', at: query.since };
  for (let round = 0; !signal.aborted; round++) {
    try {
      for await (const line of read(context, pod, {
        query: round === 0 ? query : { ...query, tail: -1 },
        signal,
        since: last.at,
      })) {
        if (line.stamp <= last.stamp) continue;
        last = { stamp: line.stamp, at: line.at };
        yield line;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isNotFound(error)) return;
    }
    const now = context.find(uid);
    if (!now || hasEnded(now)) return;
    await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}

interface StampedLine extends LogLine {
  /** With nanoseconds, and sortable. */
  stamp: string;
}

async function* read(
  { connection, region, mask }: LogContext,
  pod: Pod,
  { query, signal, since }: { query: LogQuery; signal: AbortSignal; since: number },
): AsyncGenerator<StampedLine> {
  const response = await connection.open(`${objectPath('Pod', pod.metadata)}/log`, {
    query: {
      container: CONTAINER,
      timestamps: true,
      follow: query.follow || undefined,
      previous: query.previous || undefined,
      tailLines: query.tail >= 0 ? query.tail : undefined,
      sinceTime: since > 0 ? new Date(since).toISOString() : undefined,
    },
    signal,
  });
  for await (const text of readLines(response.body)) {
    const space = text.indexOf(' ');
    const stamp = text.slice(0, space);
    const at = Date.parse(stamp);
    if (space < 0 || Number.isNaN(at) || at < query.since) continue;
    yield { replica: pod.metadata.name, region, at, stamp, stream: 'stdout', text: mask(text.slice(space + 1)) };
  }
}

const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** A container that has not begun, or a previous one that never was, has no log yet. */
const isNotThere = (error: unknown) => error instanceof ApiError && (error.status === 400 || error.status === 404);
