import type { Engine } from './engine.ts';
import { load } from './load.ts';

/** Where a simulator stands on its way to serve. */
export interface Loading {
  readonly isLoaded: boolean;
  /** Resolves when it has loaded; starts that where it has not begun. */
  start(): Promise<void>;
}

export function openLoading(engine: Engine, signal: AbortSignal, onShare: (share: number) => Promise<void>): Loading {
  let isLoaded = false;
  let under: Promise<void> | undefined;
  const run = async () => {
    await load(engine, signal, onShare);
    isLoaded = true;
  };
  return {
    get isLoaded() {
      return isLoaded;
    },
    start() {
      under ??= run();
      return under;
    },
  };
}
