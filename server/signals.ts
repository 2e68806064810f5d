const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const INTERRUPTED = 130;

/** The first signal that asks the process to end. A second one ends it at once. */
export function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) {
      process.once(signal, () => {
        resolve(signal);
        for (const again of SIGNALS) process.once(again, () => process.exit(INTERRUPTED));
      });
    }
  });
}
