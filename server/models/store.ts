import type { PageQuery } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import type { ModelRow } from '../db/schema.ts';

export const insertModel = (trx: Db, row: ModelRow) =>
  trx.insertInto('models').values(row).returningAll().executeTakeFirstOrThrow();

/** A registered model of the account by name or id; removed ones are not there. */
export function findModel(db: Db, account_id: string, ref: string): Promise<ModelRow | undefined> {
  return db
    .selectFrom('models')
    .selectAll()
    .where('account_id', '=', account_id)
    .where('removed_at', 'is', null)
    .where((eb) => eb.or([eb('name', '=', ref), eb('id', '=', ref)]))
    .executeTakeFirst();
}

export function listModelRows(db: Db, account_id: string, { limit, after }: PageQuery): Promise<ModelRow[]> {
  const rows = db
    .selectFrom('models')
    .selectAll()
    .where('account_id', '=', account_id)
    .where('removed_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(limit + 1);
  return (after === undefined ? rows : rows.where('id', '<', after)).execute();
}

const NAMES_MAX = 500;

export async function listModelNames(db: Db, account_id: string): Promise<string[]> {
  const rows = await db
    .selectFrom('models')
    .select('name')
    .where('account_id', '=', account_id)
    .where('removed_at', 'is', null)
    .limit(NAMES_MAX)
    .execute();
  return rows.map((row) => row.name);
}

/** Takes the row's lock for the rest of the transaction; false for a model that was removed. */
export async function lockModel(trx: Db, id: string): Promise<boolean> {
  const row = await trx
    .updateTable('models')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Columns of a model that is there; undefined for one that was removed. */
export const updateModelRow = (
  trx: Db,
  id: string,
  columns: Partial<Pick<ModelRow, 'source' | 'token_encrypted'>>,
): Promise<ModelRow | undefined> =>
  trx
    .updateTable('models')
    .set(columns)
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .returningAll()
    .executeTakeFirst();

export const removeModelRow = (trx: Db, id: string, now: number) =>
  trx
    .updateTable('models')
    .set({ removed_at: now, token_encrypted: null })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();

/** Workloads that still need the model: all that are not terminated. */
export function listUsersOfModel(db: Db, model_id: string): Promise<{ id: number; name: string }[]> {
  return db
    .selectFrom('workloads')
    .select(['id', 'name'])
    .where('model_id', '=', model_id)
    .where('desired', '!=', 'terminated')
    .orderBy('id')
    .limit(10)
    .execute();
}
