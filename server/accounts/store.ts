import { EcoError, type PageQuery } from '../../sdk/contract/index.ts';
import { nextChange } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { AccountRow, KeyRow } from '../db/schema.ts';

export const insertAccount = (trx: Db, row: AccountRow) => trx.insertInto('accounts').values(row).execute();

export const findAccount = (db: Db, id: string) =>
  db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();

/** The operator's own account, whose instances serve platform models. */
export const findSystemAccount = (db: Db) =>
  db.selectFrom('accounts').selectAll().where('is_system', '=', 1).executeTakeFirst();

/** Newest first; one row more than asked for tells whether there is a next page. */
export function listAccountRows(db: Db, { limit, after }: PageQuery): Promise<AccountRow[]> {
  const rows = db
    .selectFrom('accounts')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  return (after === undefined ? rows : rows.where('id', '<', after)).execute();
}

export const findKey = (db: Db, id: string) =>
  db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();

export async function insertKey(
  trx: Db,
  row: Omit<KeyRow, 'changed_seq' | 'spent_nanos' | 'revoked_at'>,
): Promise<KeyRow> {
  const changed_seq = await nextChange(trx, 'keys');
  return trx
    .insertInto('api_keys')
    .values({ ...row, spent_nanos: 0n, revoked_at: null, changed_seq })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export function listKeyRows(db: Db, account_id: string, { limit, after }: PageQuery): Promise<KeyRow[]> {
  const rows = db
    .selectFrom('api_keys')
    .selectAll()
    .where('account_id', '=', account_id)
    .orderBy('id', 'desc')
    .limit(limit + 1);
  return (after === undefined ? rows : rows.where('id', '<', after)).execute();
}

/** Revoking twice keeps the first time. Another account's key is refused by name, an unknown one is not found. */
export async function revokeKeyRow(trx: Db, account_id: string, id: string, now: number): Promise<KeyRow> {
  const row = await trx.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw new EcoError('not_found', `No key "${id}".`, { param: 'key_id', hint: 'eco keys list' });
  if (row.account_id !== account_id)
    throw new EcoError('forbidden', `Key "${id}" belongs to another account.`, { param: 'key_id' });
  if (row.revoked_at !== null) return row;
  const changed_seq = await nextChange(trx, 'keys');
  return trx
    .updateTable('api_keys')
    .set({ revoked_at: now, changed_seq })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}
