import type { TransactionKind } from '../../sdk/contract/index.ts';

/** Two ledger accounts per tenant; the rest belongs to the installation and may be below zero, as money comes from there. */
export type LedgerAccount = `available:${string}` | `held:${string}` | Installation;
type Installation = 'topups' | 'bonuses' | 'adjustments' | 'revenue';

export const availableOf = (account_id: string) => `available:${account_id}` as const;
export const heldOf = (account_id: string) => `held:${account_id}` as const;

/** The tenant of `available:<account>`, or undefined for every other ledger account. */
export const tenantOf = (ledger_account: string): string | undefined =>
  ledger_account.startsWith('available:') ? ledger_account.slice('available:'.length) : undefined;

type Side = 'available' | 'held' | Installation;

/** All ways money moves. What was delivered is charged even into debt; nothing else overdraws a tenant. */
const movements = {
  topup: { kind: 'topup', from: 'topups', to: 'available' },
  bonus: { kind: 'bonus', from: 'bonuses', to: 'available' },
  adjustment: { kind: 'adjustment', from: 'adjustments', to: 'available' },
  refund: { kind: 'refund', from: 'revenue', to: 'available' },
  hold: { kind: 'hold', from: 'available', to: 'held' },
  hold_release: { kind: 'hold_release', from: 'held', to: 'available' },
  gpu_usage: { kind: 'gpu_usage', from: 'held', to: 'revenue' },
  gpu_usage_beyond: { kind: 'gpu_usage', from: 'available', to: 'revenue' },
  api_usage: { kind: 'api_usage', from: 'available', to: 'revenue' },
} as const satisfies Record<string, { kind: TransactionKind; from: Side; to: Side }>;

export type Movement = keyof typeof movements;

export interface Posting {
  kind: TransactionKind;
  debit_account: LedgerAccount;
  credit_account: LedgerAccount;
  /** The debit is refused where it would leave less than nothing. */
  covered: boolean;
}

/** Which ledger accounts a movement of an account's money touches: debit pays, credit gets. */
export function postingOf(movement: Movement, account_id: string): Posting {
  const { kind, from, to } = movements[movement];
  return {
    kind,
    debit_account: sideOf(from, account_id),
    credit_account: sideOf(to, account_id),
    covered: from === 'held' || movement === 'hold',
  };
}

function sideOf(side: Side, account_id: string): LedgerAccount {
  if (side === 'available') return availableOf(account_id);
  return side === 'held' ? heldOf(account_id) : side;
}

export interface Settlement {
  movement: Movement;
  amount_nanos: bigint;
}

/**
 * Splits what GPU time cost between the hold and the free balance and gives back the rest of the hold. Owed is
 * negative when time charged before turned out not to have been used: then it is refunded.
 */
export function planSettlement({ owed_nanos, held_nanos }: { owed_nanos: bigint; held_nanos: bigint }): Settlement[] {
  const used = owed_nanos > 0n ? owed_nanos : 0n;
  const paid = used < held_nanos ? used : held_nanos;
  const settlements: Settlement[] = [
    { movement: 'gpu_usage', amount_nanos: paid },
    { movement: 'gpu_usage_beyond', amount_nanos: used - paid },
    { movement: 'refund', amount_nanos: used - owed_nanos },
    { movement: 'hold_release', amount_nanos: held_nanos - paid },
  ];
  return settlements.filter(({ amount_nanos }) => amount_nanos > 0n);
}

/** The next hold out of what is free: all of it, all that is left, or nothing. */
export function planRenewal({ available_nanos, full_nanos }: { available_nanos: bigint; full_nanos: bigint }): {
  outcome: 'renewed' | 'partial' | 'depleted';
  amount_nanos: bigint;
} {
  if (available_nanos >= full_nanos || full_nanos === 0n) return { outcome: 'renewed', amount_nanos: full_nanos };
  if (available_nanos > 0n) return { outcome: 'partial', amount_nanos: available_nanos };
  return { outcome: 'depleted', amount_nanos: 0n };
}
