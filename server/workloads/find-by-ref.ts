import { EcoError } from '../../sdk/contract/index.ts';
import { didYouMean } from '../../sdk/near.ts';
import type { Db } from '../db/open.ts';
import type { WorkloadRow } from '../db/schema.ts';
import { findWorkload, listLiveNames } from './store.ts';
import { refOf } from './view.ts';

const ID = /^[1-9]\d{0,14}$/;

/**
 * A workload of the account by id, by `name:id`, or by a name that one live workload has, or only ending ones. Throws `not_found`,
 * `forbidden` for another account's, `conflict` for a name that several have. Terminated ones are found by id.
 */
export async function getByRef(db: Db, account_id: string, ref: string): Promise<WorkloadRow> {
  const colon = ref.lastIndexOf(':');
  const id = ref.slice(colon + 1);
  if (ID.test(id))
    return getById(db, account_id, { ref, id: Number(id), name: colon < 0 ? undefined : ref.slice(0, colon) });
  return getByName(db, account_id, ref);
}

interface ParsedRef {
  ref: string;
  id: number;
  name: string | undefined;
}

async function getById(db: Db, account_id: string, { ref, id, name }: ParsedRef): Promise<WorkloadRow> {
  const row = await findWorkload(db, id);
  if (!row || (name !== undefined && name !== row.name)) {
    const own = row?.account_id === account_id ? ` Workload ${id} is "${refOf(row)}".` : '';
    throw notFound(ref, own);
  }
  if (row.account_id === account_id) return row;
  throw new EcoError('forbidden', `Workload ${id} belongs to another account.`, { param: 'workload', hint: 'eco ps' });
}

async function getByName(db: Db, account_id: string, name: string): Promise<WorkloadRow> {
  const live = await listLiveNames(db, account_id);
  const named = live.filter((row) => row.name === name);
  const staying = named.filter(({ desired }) => desired !== 'terminated');
  const [match, ...more] = staying.length > 0 ? staying : named; // one that is ending gives way to those that stay
  if (!match) throw notFound(name, didYouMean(name, new Set(live.map((row) => row.name))));
  if (more.length > 0) {
    const refs = [match, ...more].map(refOf).join(', ');
    throw new EcoError('conflict', `${more.length + 1} workloads are named "${name}": ${refs}. Use the id.`, {
      param: 'workload',
      hint: 'eco ps',
    });
  }
  return getById(db, account_id, { ref: name, id: match.id, name });
}

const notFound = (ref: string, more: string) =>
  new EcoError('not_found', `No workload "${ref}".${more}`, { param: 'workload', hint: 'eco ps' });
