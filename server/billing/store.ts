import { EcoError, formatMoney } from '../../sdk/contract/index.ts';
import { nextChange } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { TransferRow } from '../db/schema.ts';
import { availableOf, heldOf, type LedgerAccount, type Movement, postingOf } from './ledger.ts';

export interface NewTransfer {
  /** Made by the caller: under the same id money moves once. */
  id: string;
  account_id: string;
  movement: Movement;
  amount_nanos: bigint;
  description: string;
  reference: string | null;
  now: number;
}

export interface Posted {
  transfer: TransferRow;
  /** It was there already, and nothing moved. */
  replayed: boolean;
}

/**
 * Moves money once and keeps the cached balances true. Throws `insufficient_balance` where a hold is more than what
 * is available; the caller's transaction must then be rolled back.
 */
export async function postTransfer(trx: Db, { movement, now, ...asked }: NewTransfer): Promise<Posted> {
  const seq = await nextChange(trx, 'balances'); // locks the ledger until commit: what is read below stays true
  const before = await findTransfer(trx, asked.id);
  if (before) return { transfer: before, replayed: true };

  const { kind, debit_account, credit_account, covered } = postingOf(movement, asked.account_id);
  const debit = { ledger_account: debit_account, amount_nanos: -asked.amount_nanos, changed_seq: seq };
  if (covered) await takeCovered(trx, debit, asked);
  else await addToBalance(trx, debit);
  await addToBalance(trx, { ...debit, ledger_account: credit_account, amount_nanos: asked.amount_nanos });

  const { available_nanos } = await getBalanceOf(trx, asked.account_id);
  const transfer = await trx
    .insertInto('transfers')
    .values({
      ...asked,
      seq,
      kind,
      debit_account,
      credit_account,
      available_after_nanos: available_nanos,
      created_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { transfer, replayed: false };
}

const findTransfer = (db: Db, id: string): Promise<TransferRow | undefined> =>
  db.selectFrom('transfers').selectAll().where('id', '=', id).executeTakeFirst();

interface Change {
  ledger_account: LedgerAccount;
  amount_nanos: bigint;
  changed_seq: number;
}

const addToBalance = (trx: Db, change: Change) =>
  trx
    .insertInto('balances')
    .values(change)
    .onConflict((conflict) =>
      conflict.column('ledger_account').doUpdateSet((eb) => ({
        amount_nanos: eb('balances.amount_nanos', '+', change.amount_nanos),
        changed_seq: change.changed_seq,
      })),
    )
    .execute();

/** Takes from a balance only what is there. */
async function takeCovered(
  trx: Db,
  { ledger_account, changed_seq }: Change,
  { account_id, amount_nanos }: Pick<NewTransfer, 'account_id' | 'amount_nanos'>,
): Promise<void> {
  const taken = await trx
    .updateTable('balances')
    .set((eb) => ({ amount_nanos: eb('amount_nanos', '-', amount_nanos), changed_seq }))
    .where('ledger_account', '=', ledger_account)
    .where('amount_nanos', '>=', amount_nanos)
    .returning('ledger_account')
    .executeTakeFirst();
  if (taken) return;
  if (ledger_account === heldOf(account_id))
    throw new Error(`the ledger holds less than ${amount_nanos} nano-dollars for ${account_id}`);
  const { available_nanos } = await getBalanceOf(trx, account_id);
  throw insufficientBalance({ needed_nanos: amount_nanos, available_nanos });
}

function insufficientBalance(money: { needed_nanos: bigint; available_nanos: bigint }): EcoError {
  const { needed_nanos, available_nanos } = money;
  const missing = formatMoney(needed_nanos - available_nanos);
  return new EcoError(
    'insufficient_balance',
    `This sets $${formatMoney(needed_nanos)} aside, and $${formatMoney(available_nanos)} is available. ` +
      `Add $${missing}, or ask for fewer or smaller GPUs.`,
    { hint: 'eco billing balance' },
  );
}

export interface AccountBalance {
  available_nanos: bigint;
  held_nanos: bigint;
}

/** What an account has free and set aside. */
export async function getBalanceOf(db: Db, account_id: string): Promise<AccountBalance> {
  const balances = await readBalances(db, [account_id]);
  return balances.get(account_id) ?? { available_nanos: 0n, held_nanos: 0n };
}

/** The same for each of some accounts. */
export async function readBalances(db: Db, account_ids: readonly string[]): Promise<Map<string, AccountBalance>> {
  const names = account_ids.flatMap((id) => [availableOf(id), heldOf(id)]);
  const rows = await db.selectFrom('balances').selectAll().where('ledger_account', 'in', names).execute();
  const amounts = new Map(rows.map((row) => [row.ledger_account, row.amount_nanos]));
  const balanceOf = (id: string) => ({
    available_nanos: amounts.get(availableOf(id)) ?? 0n,
    held_nanos: amounts.get(heldOf(id)) ?? 0n,
  });
  return new Map(account_ids.map((id) => [id, balanceOf(id)]));
}
