interface Timed {
  at: number;
}

interface Source<T> {
  lines: AsyncIterator<T>;
  /** The line that is not given yet; undefined while it is awaited. */
  head: T | undefined;
  awaited: Promise<void> | undefined;
  isDone: boolean;
}

/**
 * One stream out of several, each in order of time. A line is given when every other source has shown a later one, has
 * ended, or has kept it waiting for `patienceMs`.
 */
export async function* mergeByTime<T extends Timed>(
  sources: readonly AsyncIterable<T>[],
  { patienceMs }: { patienceMs: number },
): AsyncGenerator<T> {
  const open: Source<T>[] = sources.map((source) => ({
    lines: source[Symbol.asyncIterator](),
    head: undefined,
    awaited: undefined,
    isDone: false,
  }));
  try {
    for (;;) {
      const silent = open.filter((source) => !source.isDone && source.head === undefined);
      await showHeads(silent, { hasHead: open.some(({ head }) => head !== undefined), patienceMs });
      const [first] = open
        .filter(({ head }) => head !== undefined)
        .toSorted((a, b) => (a.head?.at ?? 0) - (b.head?.at ?? 0));
      if (first?.head !== undefined) {
        const line = first.head;
        first.head = undefined;
        yield line;
      } else if (open.every(({ isDone }) => isDone)) return;
    }
  } finally {
    for (const source of open) void source.lines.return?.().catch(() => {}); // one that hangs ends by its signal
  }
}

/** Waits for the next line of each. With a limit: for the first one, and then so long for an earlier one of the others. */
async function showHeads<T>(
  silent: readonly Source<T>[],
  { hasHead, patienceMs }: { hasHead: boolean; patienceMs: number },
) {
  const pulled = silent.map(pull);
  if (pulled.length === 0) return;
  if (!Number.isFinite(patienceMs)) return void (await Promise.all(pulled));
  if (!hasHead) return Promise.race(pulled);
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patienceMs);
  await Promise.race([Promise.all(pulled), late]);
  clearTimeout(timer);
}

function pull<T>(source: Source<T>): Promise<void> {
  source.awaited ??= source.lines.next().then(({ done, value }) => {
    source.awaited = undefined;
    if (done) source.isDone = true;
    else source.head = value;
  });
  return source.awaited;
}
