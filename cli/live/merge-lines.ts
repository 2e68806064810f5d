interface Timed {
  at: number;
}

/** All lines of sources that end, in order of time; each source is in that order itself. */
export async function* byTime<T extends Timed>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T, void> {
  const readers = sources.map((source) => source[Symbol.asyncIterator]());
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    const times = heads.map(({ done, value }) => (done ? Number.POSITIVE_INFINITY : value.at));
    const first = times.indexOf(Math.min(...times));
    const [reader, head] = [readers[first], heads[first]];
    if (!reader || !head || head.done) return;
    yield head.value;
    heads[first] = await reader.next();
  }
}

/** Lines of all sources as they come, until all have ended or one fails. Of each source one line at most waits. */
export async function* asTheyCome<T>(sources: readonly AsyncGenerator<T, void>[]): AsyncGenerator<T, void> {
  const arrived: { source: AsyncGenerator<T, void>; result: Promise<IteratorResult<T, void>> }[] = [];
  let wake = () => {};
  const pull = (source: AsyncGenerator<T, void>) => {
    const result = source.next();
    const arrive = () => {
      arrived.push({ source, result });
      wake();
    };
    result.then(arrive, arrive);
  };
  sources.forEach(pull);
  let open = sources.length;
  try {
    while (open > 0) {
      const next = arrived.shift();
      if (!next) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const { done, value } = await next.result;
      if (done) open--;
      else {
        yield value;
        pull(next.source);
      }
    }
  } finally {
    for (const source of sources) void source.return().catch(() => {});
  }
}
