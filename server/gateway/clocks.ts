import { type Listed, Roster } from './roster.ts';

/** Something with deadlines: asked at every tick whether one has passed. */
export interface Timed extends Listed {
  tick(now: number): void;
}

const TICK_MS = 50;

/** One coarse timer for all deadlines of all requests, instead of a timer for each chunk. Late by a tick at most. */
export class Clocks implements Disposable {
  /** Monotonic milliseconds as of the last tick. */
  now = performance.now();
  readonly #timed = new Roster<Timed>();
  readonly #flights: Roster<Timed> | undefined;
  readonly #timer: NodeJS.Timeout;
  #isWaiting = false;

  /** What is in `flights` is asked too, without being added here. */
  constructor(flights?: Roster<Timed>) {
    this.#flights = flights;
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
    const passedMs = performance.now() - this.now;
    this.now += passedMs;
    const wasHeldUp = passedMs > 2 * TICK_MS && !this.#isWaiting;
    this.#isWaiting = wasHeldUp; // the process stood still: what has come meanwhile is read before anybody is late
    if (wasHeldUp) return;
    this.#timed.visit((timed) => timed.tick(this.now));
    this.#flights?.visit((flight) => flight.tick(this.now));
  }
}
