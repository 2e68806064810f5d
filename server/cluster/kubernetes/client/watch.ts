import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../objects.ts';
import { ApiError, isExpired } from './api-error.ts';
import type { Connection } from './connection.ts';
import { readLines } from './lines.ts';
import { listAll, type Selection } from './list.ts';

export interface WatchHandler<T> {
  /** All there is: what was known and is not among these is gone. */
  synced(objects: T[]): void;
  changed(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
  /** Told when it breaks and, with undefined, when it works again. */
  troubled(error: unknown): void;
}

export interface WatchTimings {
  /** Longer than a round: who has not even heard that it is over is on a dead connection. */
  idleTimeoutMs: number;
  /** After which the server ends a watch, with a bookmark to go on from. */
  roundSeconds: number;
  backOffMinMs: number;
  backOffMaxMs: number;
}

/** Right again some 5 s after a trouble that was noticed is over; a connection that died without a word is noticed by its silence. */
const TIMINGS: WatchTimings = { idleTimeoutMs: 45_000, roundSeconds: 30, backOffMinMs: 250, backOffMaxMs: 4_000 };
const ROUND_MIN_MS = 1_000;
const RETRY_AFTER_MAX_MS = 60_000;

export interface Watching<T> {
  handler: WatchHandler<T>;
  signal: AbortSignal;
  selection?: Selection | undefined;
  timings?: Partial<WatchTimings> | undefined;
  pageItems?: number | undefined;
}

/**
 * Follows a collection until the signal, whatever happens to the server: list, then watch from there; a gap of any kind
 * is closed by listing again, so that no deletion is ever missed.
 */
export async function watchAll<T extends KubeObject>(
  connection: Connection,
  path: string,
  { handler, signal, selection = {}, timings: changed, pageItems }: Watching<T>,
): Promise<void> {
  const timings = { ...TIMINGS, ...changed };
  let failures = 0;
  const works = () => {
    failures = 0;
  };
  while (!signal.aborted) {
    try {
      const { items, resourceVersion } = await listAll<T>(connection, path, selection, { signal, pageItems });
      handler.synced(items);
      await follow(connection, path, { handler, selection, signal, timings, works, from: resourceVersion });
    } catch (error) {
      if (signal.aborted) return;
      if (!isExpired(error)) handler.troubled(error);
      await sleep(waitMs(error, failures++, timings), undefined, { signal }).catch(() => {});
    }
  }
}

interface Rounds<T> {
  handler: WatchHandler<T>;
  selection: Selection;
  signal: AbortSignal;
  timings: WatchTimings;
  /** Called when the watch has proved itself: a list alone does not, as it may be all that we are allowed. */
  works(): void;
  from: string;
}

/** Watches from a version on, round after round, for as long as the server can go on where it left off. */
async function follow<T extends KubeObject>(connection: Connection, path: string, rounds: Rounds<T>): Promise<void> {
  let version = rounds.from;
  while (!rounds.signal.aborted) {
    const began = performance.now();
    const next = await watchRound(connection, path, { ...rounds, from: version });
    if (next === undefined && performance.now() - began < ROUND_MIN_MS)
      throw new Error('the server ends watches at once');
    rounds.works();
    version = next ?? version;
  }
}

/** One request; gives the version of the last thing heard. Throws when the server falls silent. */
async function watchRound<T extends KubeObject>(
  connection: Connection,
  path: string,
  { handler, selection, signal, timings, works, from }: Rounds<T>,
): Promise<string | undefined> {
  const idle = new AbortController();
  const { idleTimeoutMs, roundSeconds } = timings;
  const giveUp = () => {
    connection.leave();
    idle.abort(new Error(`the watch heard nothing for ${idleTimeoutMs / 1000} s`));
  };
  const query = {
    ...selection,
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: from,
    timeoutSeconds: Math.round(roundSeconds * (0.9 + Math.random() * 0.2)),
  };
  const response = await connection.open(path, { query, signal: AbortSignal.any([signal, idle.signal]) });
  handler.troubled(undefined);
  const timer = setTimeout(giveUp, idleTimeoutMs);
  let version: string | undefined;
  try {
    for await (const line of readLines(response.body)) {
      timer.refresh();
      version = take(JSON.parse(line) as WatchEvent<T>, handler);
      works();
    }
    return version;
  } finally {
    clearTimeout(timer);
  }
}

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

/** Passes an event on and gives the version to go on from. An error that the server sends in its stream is thrown. */
function take<T extends KubeObject>({ type, object }: WatchEvent<T>, handler: WatchHandler<T>): string | undefined {
  if (type === 'ERROR') {
    const { code = 500, reason = '', message = 'the watch broke' } = object as unknown as Partial<StatusDocument>;
    throw new ApiError(code, { reason, message });
  }
  if (type !== 'BOOKMARK') handler.changed(type, object);
  return object.metadata.resourceVersion;
}

interface StatusDocument {
  code: number;
  reason: string;
  message: string;
}

/** Longer with each failure in a row, never the same for all regions, and at least as long as the server asks for. */
function waitMs(error: unknown, failures: number, { backOffMinMs, backOffMaxMs }: WatchTimings): number {
  const askedMs = error instanceof ApiError ? Math.min((error.retryAfter ?? 0) * 1000, RETRY_AFTER_MAX_MS) : 0;
  const backOffMs = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(failures, 10));
  return Math.max(askedMs, backOffMs * (0.75 + Math.random() * 0.25));
}
