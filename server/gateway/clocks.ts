/** Something with deadlines: asked at every tick whether one has passed. */
export interface Timed {
  tick(now: number): void;
}

const TICK_MS = 50;

/** One coarse timer for all deadlines of all requests, instead of a timer for each chunk. Late by a tick at most. */
export class Clocks implements Disposable {
  /** Monotonic milliseconds as of the last tick. */
  now = performance.now();
  readonly #timed = new Set<Timed>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  add(timed: Timed): void {
    this.#timed.add(timed);
  }

  delete(timed: Timed): void {
    this.#timed.delete(timed);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.now = performance.now();
    for (const timed of this.#timed) timed.tick(this.now);
  }
}
