import { EcoError } from '../../sdk/contract/index.ts';
import { didYouMean } from '../../sdk/near.ts';
import type { Db } from '../db/open.ts';
import type { ModelRow } from '../db/schema.ts';
import { findModel, listModelNames } from './store.ts';

/** A model of the account by name or id, or 404 with the nearest names. */
export async function getRegisteredModel(db: Db, account_id: string, ref: string): Promise<ModelRow> {
  const row = await findModel(db, account_id, ref);
  if (row) return row;
  throw notRegistered(ref, didYouMean(ref, await listModelNames(db, account_id)));
}

export const notRegistered = (ref: string, near = ''): EcoError =>
  new EcoError('not_found', `No registered model "${ref}".${near}`, { param: 'model', hint: 'eco models list' });
