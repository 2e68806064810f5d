import { EcoError, type PageOf, type Workload } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import { pageOf } from '../page.ts';
import { listWorkloadRows, type WorkloadFilter } from './store.ts';
import { readViews } from './view.ts';

/** A page of the account's workloads, newest first. */
export async function listPage(db: Db, account_id: string, filter: WorkloadFilter): Promise<PageOf<Workload>> {
  if (filter.after !== undefined && !/^\d{1,15}$/.test(filter.after))
    throw new EcoError('invalid_request', 'after: must be `next` of the page before.', { param: 'after' });
  const rows = await listWorkloadRows(db, account_id, filter);
  const views = await readViews(db, rows);
  return pageOf(
    views,
    filter.limit,
    ({ id }) => String(id),
    (view) => view,
  );
}
