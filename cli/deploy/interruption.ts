/** One Ctrl-C comes several times: from the terminal, passed on by npm, and raised again by others. */
const ECHO_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Aborted by the first signal to end. The next one, as CI sends it to what is slow, calls `endAtOnce`. */
export function openInterruption(endAtOnce: () => void): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = () => {
    firstAt ??= performance.now();
    if (!controller.signal.aborted) controller.abort();
    else if (performance.now() - firstAt > ECHO_MS) endAtOnce();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
