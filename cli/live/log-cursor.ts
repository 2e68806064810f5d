import type { LogLine } from '../../sdk/index.ts';

interface Place {
  at: number;
  /** Lines of that very millisecond. */
  count: number;
}

/** Where a reader is in the log of each replica. Relies on the order of time that lines of one replica have. */
export class LogCursor {
  readonly #places = new Map<string, Place>();
  /** What comes again: of each replica everything before `at`, and so many lines of it. */
  #repeated = new Map<string, Place>();

  /** The time from which on everything must be read again to miss nothing; undefined before the first line. */
  get since(): number | undefined {
    if (this.#places.size === 0) return undefined;
    return Math.min(...[...this.#places.values()].map(({ at }) => at));
  }

  /** From here on lines come again from `since` on. */
  rewind(): void {
    this.#repeated = new Map([...this.#places].map(([replica, place]) => [replica, { ...place }]));
  }

  /** Whether the line is a new one. */
  take({ replica, at }: Pick<LogLine, 'replica' | 'at'>): boolean {
    if (this.#isRepeated(replica, at)) return false;
    const place = this.#places.get(replica);
    this.#places.set(replica, { at, count: place?.at === at ? place.count + 1 : 1 });
    return true;
  }

  #isRepeated(replica: string, at: number): boolean {
    const repeated = this.#repeated.get(replica);
    if (!repeated || at > repeated.at) return false;
    if (at === repeated.at && repeated.count-- <= 0) return false;
    return true;
  }
}
