type Listener = (workload_id: number) => void;

const DEBOUNCE_MS = 200;

/** Tells listeners of workloads that changed. Kubernetes says the same thing in several small steps: one word about all of them. */
export class Teller implements Disposable {
  readonly #listeners = new Set<Listener>();
  readonly #changed = new Map<number, NodeJS.Timeout>();

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tellSoon(workload_id: number): void {
    if (this.#changed.has(workload_id)) return;
    const tell = () => {
      this.#changed.delete(workload_id);
      for (const listener of this.#listeners) listener(workload_id);
    };
    this.#changed.set(workload_id, setTimeout(tell, DEBOUNCE_MS));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#changed.values()) clearTimeout(timer);
  }
}
