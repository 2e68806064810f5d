import { setTimeout as sleep } from 'node:timers/promises';
import { TAIL_MAX } from '../../sdk/contract/workloads.ts';
import { type Eco, EcoError, type LogLine, type LogQuery } from '../../sdk/index.ts';
import { LogCursor } from './log-cursor.ts';
import { isPassing } from './passing.ts';

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 15_000;
/** Without any success in between. */
const LOST_MAX_MS = 10 * 60_000;
/** A connection that held so long was a success, even where nothing was written. */
const HELD_MS = 30_000;
/** What a terminated workload wrote last is given so long to arrive. */
const LAST_LINES_MS = 1_000;

interface Following {
  signal: AbortSignal;
  /** Told once for each loss, and once when lines come again. */
  onConnection: (state: 'lost' | 'back', cause?: unknown) => void;
}

/** Lines as they are written, each once and none missing however often the connection breaks, until the workload is terminated. */
export async function* followLogs(
  eco: Eco,
  ref: string,
  query: LogQuery,
  { signal, onConnection }: Following,
): AsyncGenerator<LogLine, void> {
  const cursor = new LogCursor();
  const from = query.tail === 0 ? Date.now() : query.since;
  using end = watchEnd(eco, ref, signal);
  let lostAt: number | undefined;
  let asked = query;
  for (let retries = 0; ; retries++) {
    const triedAt = Date.now();
    try {
      for await (const line of eco.workloads.logs(ref, asked, { signal: end.signal })) {
        end.postpone();
        if (lostAt !== undefined) onConnection('back');
        lostAt = undefined;
        if (cursor.take(line)) yield line;
      }
      throw new EcoError('stream_cut', 'The server ended the stream.', { status: 0 });
    } catch (error) {
      if (end.isOver()) return;
      if (signal.aborted || !isPassing(error) || !canTryAgain(error, cursor, lostAt)) throw error;
      if (lostAt === undefined) onConnection('lost', error);
      if (Date.now() - triedAt > HELD_MS) retries = 0;
      if (lostAt === undefined || retries === 0) lostAt = Date.now();
    }
    await pause(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** retries), end.signal);
    if (end.isOver()) return;
    cursor.rewind();
    asked = { ...query, since: cursor.since ?? from, tail: TAIL_MAX };
  }
}

/** A server that never answered is an error at once; one that did may be away for a while. */
function canTryAgain(error: unknown, cursor: LogCursor, lostAt: number | undefined): boolean {
  if (lostAt !== undefined) return Date.now() - lostAt < LOST_MAX_MS;
  return cursor.since !== undefined || (error instanceof EcoError && error.code === 'stream_cut');
}

interface End extends Disposable {
  /** Aborted by the caller, or some time after the workload was terminated. */
  signal: AbortSignal;
  isOver(): boolean;
  /** A line came: more may follow. */
  postpone(): void;
}

function watchEnd(eco: Eco, ref: string, signal: AbortSignal): End {
  const over = new AbortController();
  const unused = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  void untilTerminated(eco, ref, AbortSignal.any([signal, unused.signal])).then((isTerminated) => {
    if (isTerminated) timer = setTimeout(() => over.abort(), LAST_LINES_MS);
  });
  return {
    signal: AbortSignal.any([signal, over.signal]),
    isOver: () => over.signal.aborted,
    postpone: () => void timer?.refresh(),
    [Symbol.dispose]() {
      unused.abort();
      clearTimeout(timer);
    },
  };
}

/** False if it is not to be known: then only the caller ends the following. */
async function untilTerminated(eco: Eco, ref: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await eco.workloads.waitUntil(ref, ['terminated'], { signal });
      return true;
    } catch (error) {
      if (!isPassing(error) && !isTimeout(error)) return false;
      await pause(RETRY_MAX_MS, signal);
    }
  }
  return false;
}

/** Over at once where the signal says so: what is asked next rejects by itself. */
const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {});

const isTimeout = (error: unknown) => error instanceof EcoError && error.code === 'wait_timeout';
