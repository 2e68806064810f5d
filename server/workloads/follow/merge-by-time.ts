interface Timed {
  at: number;
}

interface Source<T> {
  /** Lines that are not given yet, and since when they wait. */
  waiting: { line: T; since: number }[];
  isDone: boolean;
  failure: unknown;
  /** Lets its reading go on. */
  resume: () => void;
  end: () => void;
}

/** So many lines of each source are read ahead. */
const AHEAD_MAX = 1_000;
const JOIN_EVERY_MS = 500;

interface Merging<T> {
  patienceMs: number;
  /** Sources that have come since it was last asked; undefined when no more will come. */
  join?: () => readonly AsyncIterable<T>[] | undefined;
}

/**
 * One stream out of several, each in order of time. A line is given when every other source has shown a later one, has
 * ended, or has kept it waiting for `patienceMs`.
 */
export async function* mergeByTime<T extends Timed>(
  sources: readonly AsyncIterable<T>[],
  { patienceMs, join = () => undefined }: Merging<T>,
): AsyncGenerator<T> {
  const bell = openBell();
  let open = sources.map((source) => startReading(source, bell.ring));
  let joinAt = 0;
  let mayJoin = true;
  const lookForMore = () => {
    const joined = join();
    mayJoin = joined !== undefined;
    joinAt = performance.now() + JOIN_EVERY_MS;
    open = [...open.filter(hasMore), ...(joined ?? []).map((source) => startReading(source, bell.ring))];
  };
  try {
    for (;;) {
      if (mayJoin && performance.now() >= joinAt) lookForMore();
      const first = earliest(open);
      if (first === undefined && !mayJoin && open.every(({ isDone }) => isDone)) return;
      const dueMs = first === undefined ? Number.POSITIVE_INFINITY : dueIn(first, open, patienceMs);
      if (first !== undefined && dueMs === 0) yield take(first);
      else await bell.rung(mayJoin ? Math.min(dueMs, joinAt - performance.now()) : dueMs);
      throwFailure(open);
    }
  } finally {
    for (const source of open) source.end();
  }
}

const hasMore = ({ isDone, waiting }: Source<unknown>) => !isDone || waiting.length > 0;

/** Reads as far ahead as it may. */
function startReading<T>(iterable: AsyncIterable<T>, ring: () => void): Source<T> {
  const lines = iterable[Symbol.asyncIterator]();
  const end = () => {
    void lines.return?.().catch(() => {}); // one that hangs ends by its signal
    source.resume();
  };
  const source: Source<T> = { waiting: [], isDone: false, failure: undefined, resume: () => {}, end };
  const read = async () => {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) return;
      source.waiting.push({ line: value, since: performance.now() });
      ring();
      if (source.waiting.length < AHEAD_MAX) continue;
      await new Promise<void>((resume) => {
        source.resume = resume;
      });
    }
  };
  const failed = (error: unknown) => {
    source.failure = error;
  };
  const ended = () => {
    source.isDone = true;
    ring();
  };
  void read().catch(failed).finally(ended);
  return source;
}

function take<T>(source: Source<T>): T {
  const [first] = source.waiting.splice(0, 1);
  source.resume();
  return (first as { line: T }).line;
}

function earliest<T extends Timed>(open: readonly Source<T>[]): Source<T> | undefined {
  let first: Source<T> | undefined;
  for (const source of open) if (headAt(source) < headAt(first)) first = source;
  return first;
}

const headAt = <T extends Timed>(source: Source<T> | undefined): number =>
  source?.waiting[0]?.line.at ?? Number.POSITIVE_INFINITY;

/** Milliseconds until the first line of a source is to be given, whatever the others say. */
function dueIn<T>(source: Source<T>, open: readonly Source<T>[], patienceMs: number): number {
  const isSilent = open.some(({ waiting, isDone }) => waiting.length === 0 && !isDone);
  const since = source.waiting[0]?.since ?? 0;
  return isSilent ? Math.max(0, since + patienceMs - performance.now()) : 0;
}

/** What was read before it is given first. */
function throwFailure(open: readonly Source<unknown>[]): void {
  const broken = open.find(({ failure, waiting }) => failure !== undefined && waiting.length === 0);
  if (broken) throw broken.failure;
}

/** Wakes one waiter: at once where it rang before anybody waited. */
function openBell() {
  let hasRung = false;
  let wake = () => {};
  return {
    ring: () => {
      hasRung = true;
      wake();
    },
    async rung(timeoutMs: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = Number.isFinite(timeoutMs) ? setTimeout(resolve, timeoutMs) : undefined;
      if (!hasRung) await promise;
      clearTimeout(timer);
      hasRung = false;
    },
  };
}
