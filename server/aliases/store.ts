import type { PageQuery } from '../../sdk/contract/index.ts';
import { nextChange } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { AliasRow } from '../db/schema.ts';

/** An alias and the name of the instance that it leads to. */
export type NamedAlias = AliasRow & { workload_name: string };

const aliasesOf = (db: Db, account_id: string) =>
  db
    .selectFrom('aliases')
    .innerJoin('workloads', 'workloads.id', 'aliases.workload_id')
    .selectAll('aliases')
    .select('workloads.name as workload_name')
    .where('aliases.account_id', '=', account_id)
    .where('aliases.removed_at', 'is', null);

export const findAlias = (db: Db, account_id: string, name: string): Promise<NamedAlias | undefined> =>
  aliasesOf(db, account_id).where('aliases.name', '=', name).executeTakeFirst();

/** By name; one row more than asked for tells whether there is a next page. */
export const listAliasRows = (db: Db, account_id: string, { limit, after }: PageQuery): Promise<NamedAlias[]> =>
  aliasesOf(db, account_id)
    .$if(after !== undefined, (query) => query.where('aliases.name', '>', after ?? ''))
    .orderBy('aliases.name')
    .limit(limit + 1)
    .execute();

/** Keeps writers of aliases apart for the rest of the transaction, and gives the number of this change. */
export const lockAliases = (trx: Db): Promise<number> => nextChange(trx, 'aliases');

/** Makes the alias, or leads it elsewhere. */
export const saveAlias = (trx: Db, row: AliasRow): Promise<AliasRow> =>
  trx
    .insertInto('aliases')
    .values(row)
    .onConflict((conflict) => conflict.columns(['account_id', 'name']).doUpdateSet(row))
    .returningAll()
    .executeTakeFirstOrThrow();

export const markRemoved = (
  trx: Db,
  { account_id, name, changed_seq, removed_at }: Omit<AliasRow, 'workload_id' | 'fingerprint' | 'updated_at'>,
): Promise<AliasRow> =>
  trx
    .updateTable('aliases')
    .set({ removed_at, changed_seq })
    .where('account_id', '=', account_id)
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirstOrThrow();
