import { type Alias, EcoError, getAlias, listAliases, removeAlias, setAlias } from '../../sdk/contract/index.ts';
import { didYouMean } from '../../sdk/near.ts';
import { recordAudit } from '../accounts/audit-log.ts';
import { decodeEntry, listPlatformModelRows } from '../catalog/store.ts';
import type { Context } from '../context.ts';
import type { Db } from '../db/open.ts';
import { pageOf } from '../page.ts';
import { type App, route } from '../route.ts';
import { getByRef } from '../workloads/find-by-ref.ts';
import { refOf } from '../workloads/view.ts';
import { checkExpected, checkFree, checkServes } from './check.ts';
import { findAlias, listAliasRows, lockAliases, markRemoved, type NamedAlias, saveAlias } from './store.ts';

export function aliasRoutes(app: App, context: Context): void {
  const { db, changes, clock } = context;

  route(app, context, setAlias, async ({ input, accountId: account_id, actor }) => {
    const { alias: name, workload, expected_workload_id, fingerprint = null } = input;
    const { id } = await getByRef(db, account_id, workload);
    const saved = await db.transaction().execute(async (trx) => {
      checkFree(name, (await listPlatformModelRows(trx)).map(decodeEntry));
      const changed_seq = await lockAliases(trx);
      const instance = await getByRef(trx, account_id, String(id));
      const current = await findAlias(trx, account_id, name);
      checkExpected(name, current, expected_workload_id);
      checkServes(instance);
      const at = clock();
      const detail = { from: current?.workload_id ?? null, to: id, fingerprint };
      await recordAudit(trx, { account_id, actor, action: 'alias.set', target: name, detail, at });
      const row = { account_id, name, workload_id: id, fingerprint, updated_at: at, removed_at: null, changed_seq };
      return { ...(await saveAlias(trx, row)), workload_name: instance.name };
    });
    await changes.nudge('workloads', 'replicas'); // what it leads to is known before it leads there
    await changes.nudge('aliases');
    return aliasView(saved);
  });

  route(app, context, listAliases, async ({ input, accountId }) =>
    pageOf(await listAliasRows(db, accountId, input), input.limit, ({ name }) => name, aliasView),
  );

  route(app, context, getAlias, async ({ input, accountId }) =>
    aliasView(await getAliasRow(db, accountId, input.alias)),
  );

  route(app, context, removeAlias, async ({ input, accountId: account_id, actor }) => {
    const removed = await db.transaction().execute(async (trx) => {
      const changed_seq = await lockAliases(trx);
      const row = await getAliasRow(trx, account_id, input.alias);
      const at = clock();
      const detail = { from: row.workload_id };
      await recordAudit(trx, { account_id, actor, action: 'alias.remove', target: row.name, detail, at });
      await markRemoved(trx, { account_id, name: row.name, removed_at: at, changed_seq });
      return row;
    });
    await changes.nudge('aliases');
    return aliasView(removed);
  });
}

const NAMES_MAX = 500;

async function getAliasRow(db: Db, account_id: string, name: string): Promise<NamedAlias> {
  const row = await findAlias(db, account_id, name);
  if (row) return row;
  const names = (await listAliasRows(db, account_id, { limit: NAMES_MAX })).map((each) => each.name);
  throw new EcoError('not_found', `No alias "${name}".${didYouMean(name, names)}`, {
    param: 'alias',
    hint: 'eco aliases list',
  });
}

const aliasView = ({ name, workload_id, workload_name, fingerprint, updated_at }: NamedAlias): Alias => ({
  object: 'alias',
  name,
  workload_id,
  ref: refOf({ name: workload_name, id: workload_id }),
  fingerprint,
  updated_at,
});
