interface Run {
  done: Promise<void>;
  isSlow: boolean;
}

const QUICK_MAX = 8;
const ALL_MAX = 256;
const SLOW_MS = 1_000;

/**
 * Room for so many passes at a time. One that takes longer than a second waits for a slow region: it gives its room
 * away, so that it makes no other region slow.
 */
export class Slots {
  readonly #runs = new Map<number, Run>();
  readonly #onFree: () => void;

  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  get free(): number {
    const quick = [...this.#runs.values()].filter(({ isSlow }) => !isSlow).length;
    return Math.max(0, Math.min(QUICK_MAX - quick, ALL_MAX - this.#runs.size));
  }

  get isEmpty(): boolean {
    return this.#runs.size === 0;
  }

  has(id: number): boolean {
    return this.#runs.has(id);
  }

  /** `done` never rejects. */
  take(id: number, done: Promise<void>): void {
    const run: Run = { done, isSlow: false };
    const timer = setTimeout(() => {
      run.isSlow = true;
      this.#onFree();
    }, SLOW_MS);
    this.#runs.set(id, run);
    void done.finally(() => {
      clearTimeout(timer);
      if (this.#runs.get(id) === run) this.#runs.delete(id);
      this.#onFree();
    });
  }

  /** All that are under way now. */
  underWay(): Promise<void>[] {
    return [...this.#runs.values()].map(({ done }) => done);
  }
}
