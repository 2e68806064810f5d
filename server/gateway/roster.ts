export interface Listed {
  /** Where it stands in its roster; only the roster changes it. -1: nowhere. */
  slot: number;
}

/**
 * A set that thousands join and leave every second. Not a `Set`: the tables that one outgrows point to their successors
 * and keep whoever was in them alive until the next full collection: a third of all that young collections had to copy.
 */
export class Roster<T extends Listed> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    if (item.slot !== -1) return;
    item.slot = this.#items.length;
    this.#items.push(item);
  }

  /** The last one takes the place of the one that leaves. */
  delete(item: T): void {
    if (this.#items[item.slot] !== item) return;
    const last = this.#items.pop();
    if (last && last !== item) {
      last.slot = item.slot;
      this.#items[item.slot] = last;
    }
    item.slot = -1;
  }

  /** Each once, also while some leave. */
  visit(what: (item: T) => void): void {
    for (const item of [...this.#items]) what(item);
  }
}
