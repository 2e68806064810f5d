/** Lets so many in at a time; the others wait in order of arrival. */
export class Turns {
  readonly #max: number;
  #taken = 0;
  readonly #queue: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Whether the turn came before the signal; if so `give` must follow. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#taken < this.#max) {
      this.#taken++;
      return true;
    }
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
    const next = this.#queue.shift();
    if (next) next();
    else this.#taken--;
  }
}
