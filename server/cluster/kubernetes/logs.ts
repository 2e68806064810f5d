import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine } from '../../../sdk/contract/index.ts';
import { mergeByTime } from '../../workloads/follow/merge-by-time.ts';
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
  /** Those that are asked for, as they are now. */
  pods(): readonly Pod[];
  /** No pod will come any more. */
  isOver(): boolean;
  mask(text: string): string;
  retryMs?: number;
}

const MERGE_PATIENCE_MS = 200;
/** What was just launched has nothing in its region for a moment. */
const FIRST_POD_MS = 5_000;
const RETRY_MS = 500;
const RETRY_DOUBLINGS_MAX = 2;
/** An API server that is restarted is back before so many tries. */
const TOLD_FAILURES = 4;
/** A token that was just replaced, or a role that was just given, counts at the next try. */
const REFUSALS_MAX = 2;

/** Lines of pods in the order of time; where they are followed, also of those that come later, until none will come any more. */
export function readPodLogs(
  context: LogContext,
  { query, signal }: { query: LogQuery; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  if (!query.follow || query.previous)
    return mergeByTime(
      context.pods().map((pod) => readOnce(context, pod, query, signal)),
      { patienceMs: Number.POSITIVE_INFINITY },
    );
  const known = new Set<string | undefined>();
  const began = performance.now();
  const join = () => {
    const mayBegin = known.size === 0 && performance.now() - began < FIRST_POD_MS;
    if (signal.aborted || (context.isOver() && !mayBegin)) return undefined;
    const fresh = context.pods().filter(({ metadata }) => !known.has(metadata.uid));
    for (const { metadata } of fresh) known.add(metadata.uid);
    return fresh.map((pod) => followPod(context, pod, query, signal));
  };
  return mergeByTime([], { patienceMs: MERGE_PATIENCE_MS, join });
}

async function* readOnce(context: LogContext, pod: Pod, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
  try {
    yield* read(context, pod, { query: { ...query, follow: false }, signal, since: query.since });
  } catch (error) {
    if (failureOf(error) !== 'not begun' && failureOf(error) !== 'gone') throw error;
  }
}

/**
 * Follows a pod over rotations, which end the stream, over restarts, which begin another log, and over the time in which
 * its region is away: goes on from the last line's time, which the API knows by the second only, and leaves out what it
 * has given already. Throws what the region refuses.
 */
async function* followPod(
  context: LogContext,
  pod: Pod,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const { pods, retryMs = RETRY_MS } = context;
  let last = { stamp: '', at: query.since };
  let failures = 0;
  while (!signal.aborted) {
    const tail = last.stamp === '' ? query.tail : -1;
    let failure: Failure | undefined;
    try {
      for await (const line of read(context, pod, { query: { ...query, tail }, signal, since: last.at })) {
        failures = 0;
        if (line.stamp <= last.stamp) continue;
        last = { stamp: line.stamp, at: line.at };
        yield line;
      }
    } catch (error) {
      failure = failureOf(error);
      if (signal.aborted || failure === 'gone') return;
      if (failure === 'refused' && failures + 1 >= REFUSALS_MAX) throw error;
      if (failure === 'away' && failures + 1 === TOLD_FAILURES) yield interruption(context, pod, error);
    }
    const isKnown = failure === undefined || failure === 'not begun';
    failures = isKnown ? 0 : failures + 1;
    const now = pods().find(({ metadata }) => metadata.uid === pod.metadata.uid);
    if (!now || (isKnown && hasEnded(now))) return;
    await sleep(retryMs * 2 ** Math.min(failures, RETRY_DOUBLINGS_MAX), undefined, { signal }).catch(() => {});
  }
}

/** Silence would look like a container that says nothing. */
const interruption = ({ region }: LogContext, pod: Pod, error: unknown): LogLine => ({
  replica: pod.metadata.name,
  region,
  at: Date.now(),
  stream: 'stderr',
  text: `[ecolink] ${region} cannot be asked for this log: ${error instanceof Error ? error.message : error}. It goes on when it can.`,
});

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
    const at = Date.parse(text.slice(0, space));
    if (space < 0 || Number.isNaN(at) || at < query.since) continue;
    const stamp = sortable(at, text.slice(0, space));
    yield { replica: pod.metadata.name, region, at, stamp, stream: 'stdout', text: mask(text.slice(space + 1)) };
  }
}

/** Nodes leave out zeros at the end of a fraction, and write times of any zone. */
const sortable = (at: number, time: string) => `${at} ${(/\.(\d+)/.exec(time)?.[1] ?? '').padEnd(NANO_DIGITS, '0')}`;
const NANO_DIGITS = 9;

const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';

type Failure = 'gone' | 'not begun' | 'refused' | 'away';

/** Of a pod, of its container or of a previous one that never was; of our rights; of the region, which passes. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof ApiError)) return 'away';
  if (isNotFound(error)) return 'gone';
  if (error.status === 400) return 'not begun';
  return error.status < 500 && !PASSING.has(error.status) ? 'refused' : 'away';
}

/** Timed out, changed meanwhile, expired, too many requests. */
const PASSING = new Set([408, 409, 410, 429]);
