import type { ReplicaRow } from '../db/schema.ts';
import { newHealth } from './health.ts';
import type { Replica } from './tables.ts';

/** Replicas that are ready now, by workload. */
export class ReadyReplicas {
  readonly #byWorkload = new Map<number, Map<string, Replica>>();
  readonly #listeners: ((replica: Replica) => void)[] = [];

  /** Only what is ready stays. A replica that came back at another address is another one. */
  note({ id, region, workload_id, state, address }: ReplicaRow): void {
    const known = this.#byWorkload.get(workload_id);
    const origin = `http://${address}`;
    if (state !== 'ready' || address === null) this.#delete(workload_id, id);
    else if (known?.get(id)?.origin !== origin) {
      const health = newHealth();
      this.#add({ id, region, workload_id, origin, basePath: '/v1', authorization: undefined, health });
    }
  }

  of(workload_id: number): Replica[] {
    return [...(this.#byWorkload.get(workload_id)?.values() ?? [])];
  }

  all(): Replica[] {
    return [...this.#byWorkload.values()].flatMap((replicas) => [...replicas.values()]);
  }

  /** Whether it still is, at the same address. */
  has(replica: Replica): boolean {
    return this.#byWorkload.get(replica.workload_id ?? 0)?.get(replica.id) === replica;
  }

  /** Calls with each replica that is or becomes ready. */
  onReady(listener: (replica: Replica) => void): void {
    this.#listeners.push(listener);
    for (const replica of this.all()) listener(replica);
  }

  #add(replica: Replica & { workload_id: number }): void {
    const replicas = this.#byWorkload.get(replica.workload_id) ?? new Map<string, Replica>();
    this.#byWorkload.set(replica.workload_id, replicas.set(replica.id, replica));
    for (const listener of this.#listeners) listener(replica);
  }

  #delete(workload_id: number, id: string): void {
    const replicas = this.#byWorkload.get(workload_id);
    replicas?.delete(id);
    if (replicas?.size === 0) this.#byWorkload.delete(workload_id);
  }
}
