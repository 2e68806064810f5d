/**
 * What accounts and keys owe that the database does not know yet: estimates of requests in flight, costs of ended ones
 * until they are settled. Admission subtracts it, so overshoot is bounded by what one request may cost.
 */
export class Tab {
  readonly #owed = new Map<string, bigint>();

  /** By account or key id. */
  owed(id: string): bigint {
    return this.#owed.get(id) ?? 0n;
  }

  add(debtor: { account_id: string; key_id: string }, nanos: bigint): void {
    if (nanos === 0n) return;
    this.#change(debtor.account_id, nanos);
    this.#change(debtor.key_id, nanos);
  }

  remove(debtor: { account_id: string; key_id: string }, nanos: bigint): void {
    this.add(debtor, -nanos);
  }

  #change(id: string, nanos: bigint): void {
    const owed = this.owed(id) + nanos;
    if (owed === 0n) this.#owed.delete(id);
    else this.#owed.set(id, owed);
  }
}
