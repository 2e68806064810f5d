import {
  type CatalogEntry,
  EcoError,
  importModels,
  listAdminModels,
  listCatalog,
  priceModel,
} from '../../sdk/contract/index.ts';
import { didYouMean } from '../../sdk/near.ts';
import { recordAudit } from '../accounts/audit-log.ts';
import type { Context } from '../context.ts';
import type { Db } from '../db/open.ts';
import { wholeList } from '../page.ts';
import { type App, route } from '../route.ts';
import { findReadyRegions } from '../workloads/launch/ready-regions.ts';
import { decodeEntry, findPlatformModel, listPlatformModelRows, savePlatformModel, savePrices } from './store.ts';
import { adminModelView, platformModelView } from './view.ts';

export function catalogRoutes(app: App, context: Context): void {
  const { db, changes, clock } = context;

  route(app, context, listCatalog, async ({ input }) => {
    const [rows, ready] = await Promise.all([listPlatformModelRows(db), findReadyRegions(db)]);
    const shown = rows.map((row) => platformModelView(row, ready)).filter((model) => model.status !== 'disabled');
    return input.status === undefined ? shown : shown.filter((model) => model.status === input.status);
  });

  route(app, context, importModels, async ({ input, actor }) => {
    const at = clock();
    refuseDoubleNames(input.models, await listPlatformModelRows(db).then((rows) => rows.map(decodeEntry)));
    const result = { object: 'import' as const, created: [] as string[], updated: [] as string[] };
    await db.transaction().execute(async (trx) => {
      for (const entry of input.models) result[await savePlatformModel(trx, entry, at)].push(entry.id);
      await recordAudit(trx, {
        account_id: null,
        actor,
        action: 'models.import',
        target: 'catalog',
        detail: { models: input.models.length },
        at,
      });
    });
    await changes.nudge('catalog');
    return result;
  });

  route(app, context, priceModel, async ({ input, actor }) => {
    const at = clock();
    const { id } = await getPlatformModel(db, input.model);
    const row = await db.transaction().execute(async (trx) => {
      await recordAudit(trx, {
        account_id: null,
        actor,
        action: 'models.price',
        target: id,
        detail: input.prices,
        at,
      });
      return savePrices(trx, id, input.prices);
    });
    await changes.nudge('catalog');
    return adminModelView(row, await findReadyRegions(db));
  });

  route(app, context, listAdminModels, async () => {
    const [rows, ready] = await Promise.all([listPlatformModelRows(db), findReadyRegions(db)]);
    return wholeList(rows.map((row) => adminModelView(row, ready)));
  });
}

async function getPlatformModel(db: Db, ref: string) {
  const row = await findPlatformModel(db, ref);
  if (row) return row;
  const ids = (await listPlatformModelRows(db)).map((row) => row.id);
  throw new EcoError('not_found', `No platform model "${ref}".${didYouMean(ref, ids)}`, {
    param: 'model',
    hint: 'eco admin models list',
  });
}

/** A name must mean one model: no id or alias twice, neither in the import nor beside what is there. */
function refuseDoubleNames(imported: CatalogEntry[], present: CatalogEntry[]): void {
  const owners = new Map<string, string>();
  const replaced = new Set(imported.map((entry) => entry.id));
  for (const entry of [...present.filter((entry) => !replaced.has(entry.id)), ...imported]) {
    for (const name of new Set([entry.id, ...entry.aliases])) {
      const owner = owners.get(name);
      if (owner !== undefined)
        throw new EcoError('conflict', `"${name}" would mean both ${owner} and ${entry.id}.`, { param: 'models' });
      owners.set(name, entry.id);
    }
  }
}
