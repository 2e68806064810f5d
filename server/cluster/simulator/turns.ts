/** More requests wait than may. */
export class QueueFull extends Error {
  override name = 'QueueFull';
}

export interface Limits {
  maxRunning: number;
  /** Requests that may wait; undefined for any number. */
  maxQueue: number | undefined;
}

/** Lets so many in at a time; the others wait in order of arrival. */
export class Turns {
  /** Read anew for each request: they may change while it runs. */
  readonly #limits: Limits;
  #taken = 0;
  readonly #queue: (() => void)[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Whether the turn came before the signal; if so `give` must follow. Throws `QueueFull`. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#taken < this.#limits.maxRunning) {
      this.#taken++;
      return true;
    }
    if (this.#queue.length >= (this.#limits.maxQueue ?? Number.POSITIVE_INFINITY))
      throw new QueueFull('The queue is full.');
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const enter = () => resolve(true);
    const leave = () => {
      const at = this.#queue.indexOf(enter);
      if (at >= 0) this.#queue.splice(at, 1);
      resolve(at < 0); // its turn had come already
    };
    this.#queue.push(enter);
    signal.addEventListener('abort', leave, { once: true });
    const came = await promise;
    signal.removeEventListener('abort', leave);
    return came;
  }

  give(): void {
    this.#taken--;
    this.admit();
  }

  /** Lets in whom the limits allow, which may have changed. */
  admit(): void {
    while (this.#taken < this.#limits.maxRunning) {
      const next = this.#queue.shift();
      if (!next) return;
      this.#taken++;
      next();
    }
  }
}
