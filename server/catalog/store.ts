import { CatalogEntry, Prices } from '../../sdk/contract/index.ts';
import { nextChange } from '../db/changes.ts';
import type { Db } from '../db/open.ts';
import type { PlatformModelRow } from '../db/schema.ts';

export const listPlatformModelRows = (db: Db): Promise<PlatformModelRow[]> =>
  db.selectFrom('platform_models').selectAll().orderBy('id').execute();

/** By id or alias, exactly as written. */
export async function findPlatformModel(db: Db, ref: string): Promise<PlatformModelRow | undefined> {
  const row = await db.selectFrom('platform_models').selectAll().where('id', '=', ref).executeTakeFirst();
  if (row) return row;
  const rows = await listPlatformModelRows(db);
  return rows.find((row) => decodeEntry(row).aliases.includes(ref));
}

/** Adds the entry or replaces it; a price that is set already stays unless the entry has one. */
export async function savePlatformModel(trx: Db, entry: CatalogEntry, now: number): Promise<'created' | 'updated'> {
  const existing = await trx
    .selectFrom('platform_models')
    .select(['id', 'prices'])
    .where('id', '=', entry.id)
    .executeTakeFirst();
  const changed_seq = await nextChange(trx, 'catalog');
  const { prices, ...rest } = entry;
  const row = {
    entry: JSON.stringify(rest),
    prices: prices ? JSON.stringify(prices) : (existing?.prices ?? null),
    changed_seq,
  };
  if (existing) await trx.updateTable('platform_models').set(row).where('id', '=', entry.id).execute();
  else
    await trx
      .insertInto('platform_models')
      .values({ id: entry.id, created_at: now, ...row })
      .execute();
  return existing ? 'updated' : 'created';
}

/** Prices that are not named stay. */
export async function savePrices(trx: Db, id: string, prices: Prices): Promise<PlatformModelRow> {
  const changed_seq = await nextChange(trx, 'catalog');
  const { prices: before } = await trx
    .selectFrom('platform_models')
    .select('prices')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const merged = JSON.stringify({ ...(before && JSON.parse(before)), ...prices });
  return trx
    .updateTable('platform_models')
    .set({ prices: merged, changed_seq })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export const decodeEntry = (row: PlatformModelRow): CatalogEntry => CatalogEntry.parse(JSON.parse(row.entry));
export const decodePrices = (row: PlatformModelRow): Prices | null =>
  row.prices === null ? null : Prices.parse(JSON.parse(row.prices));
