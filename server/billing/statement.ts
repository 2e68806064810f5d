import { formatMoney, type PageOf, type Transaction, type TransactionKind } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import type { TransferRow } from '../db/schema.ts';
import { pageOf } from '../page.ts';
import { readCursor } from './cursor.ts';
import { availableOf } from './ledger.ts';

interface StatementQuery {
  account_id: string;
  kind?: TransactionKind | undefined;
  limit: number;
  after?: string | undefined;
}

/** An account's transfers in the order money moved, newest first. */
export async function listStatement(db: Db, query: StatementQuery): Promise<PageOf<Transaction>> {
  const { account_id, kind, limit, after } = query;
  let rows = db
    .selectFrom('transfers')
    .selectAll()
    .where('account_id', '=', account_id)
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  if (kind !== undefined) rows = rows.where('kind', '=', kind);
  if (after !== undefined) rows = rows.where('seq', '<', Number(readCursor(after, /^(\d{1,15})$/)[0]));
  return pageOf(await rows.execute(), limit, (row) => String(row.seq), transactionView);
}

function transactionView(row: TransferRow): Transaction {
  const adds = row.credit_account === availableOf(row.account_id);
  return {
    object: 'transaction',
    id: row.id,
    kind: row.kind as TransactionKind,
    amount: formatMoney(adds ? row.amount_nanos : -row.amount_nanos),
    available_after: formatMoney(row.available_after_nanos),
    description: row.description,
    reference: row.reference,
    created_at: row.created_at,
  };
}
