const INTERRUPTED = 130;
/** One Ctrl-C comes several times: from the terminal, passed on by npm, and raised again by `conf`. */
const ECHO_MS = 1_000;

/** The first signal that asks the process to end. A later one ends it at once. */
export function firstSignal(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let endsFrom = Number.POSITIVE_INFINITY;
  for (const signal of signals) {
    process.on(signal, () => {
      if (Date.now() > endsFrom) process.exit(INTERRUPTED);
      endsFrom = Math.min(endsFrom, Date.now() + ECHO_MS);
      resolve(signal);
    });
  }
  return promise;
}
