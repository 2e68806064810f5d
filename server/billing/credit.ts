import { createHash } from 'node:crypto';
import { type creditKinds, EcoError, formatMoney, NANOS_MAX } from '../../sdk/contract/index.ts';
import { type Actor, recordAudit } from '../accounts/audit-log.ts';
import { findAccount } from '../accounts/store.ts';
import type { Db } from '../db/open.ts';
import type { TransferRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';
import { getBalanceOf, postTransfer } from './store.ts';

export interface CreditRequest {
  account_id: string;
  amount_nanos: bigint;
  kind: (typeof creditKinds)[number];
  description: string;
  /** The payer's own id: under the same one an account is credited once. */
  reference: string | undefined;
  /** Where there is no reference: a retry after the server died credits once too. */
  idempotencyKey?: string | undefined;
  actor: Actor;
  now: number;
}

/** Adds money to an account. The same reference again gives the first transfer; with another amount or kind it is refused. */
export async function creditOnce(trx: Db, { kind, actor, ...credit }: CreditRequest): Promise<TransferRow> {
  const { account_id, amount_nanos, now } = credit;
  await checkCredit(trx, credit);
  const { transfer, replayed } = await postTransfer(trx, {
    id: idOf(credit),
    account_id,
    movement: kind,
    amount_nanos,
    description: credit.description,
    reference: credit.reference ?? null,
    now,
  });
  if (!replayed)
    await recordAudit(trx, {
      account_id,
      actor,
      action: 'account.credit',
      target: account_id,
      detail: { kind, amount: formatMoney(amount_nanos), transaction_id: transfer.id },
      at: now,
    });
  if (transfer.kind === kind && transfer.amount_nanos === amount_nanos) return transfer;
  throw new EcoError(
    'idempotency_mismatch',
    `${credit.reference ? `Reference "${credit.reference}"` : 'This Idempotency-Key'} has credited a ${transfer.kind} of $${formatMoney(transfer.amount_nanos)} already. Use another.`,
    { param: credit.reference ? 'reference' : 'Idempotency-Key' },
  );
}

async function checkCredit(trx: Db, { account_id, amount_nanos }: Pick<CreditRequest, 'account_id' | 'amount_nanos'>) {
  if (!(await findAccount(trx, account_id)))
    throw new EcoError('not_found', `No account "${account_id}".`, {
      param: 'account_id',
      hint: 'eco admin accounts list',
    });
  if (amount_nanos <= 0n) throw new EcoError('invalid_request', 'amount: must be more than 0.', { param: 'amount' });
  const { available_nanos } = await getBalanceOf(trx, account_id);
  if (available_nanos + amount_nanos > NANOS_MAX)
    throw new EcoError('invalid_request', `amount: an account holds at most $${formatMoney(NANOS_MAX)}.`, {
      param: 'amount',
    });
}

type Named = Pick<CreditRequest, 'account_id' | 'reference' | 'idempotencyKey' | 'now'>;

function idOf({ account_id, reference, idempotencyKey, now }: Named): string {
  const name = reference ?? (idempotencyKey && `Idempotency-Key\n${idempotencyKey}`);
  if (name === undefined) return newId('txn', now);
  const digest = createHash('sha256').update(`${account_id}\n${name}`).digest('hex');
  return `txn_${digest.slice(0, 32)}`;
}
