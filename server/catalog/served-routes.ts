import { EcoError, getServedModel, listServedModels, type ServedModel } from '../../sdk/contract/index.ts';
import { type Caller, mayCall } from '../accounts/caller.ts';
import { listAliasRows } from '../aliases/store.ts';
import type { Context } from '../context.ts';
import type { Db } from '../db/open.ts';
import { type App, route } from '../route.ts';
import { decodeEntry, listPlatformModelRows } from './store.ts';

/** `GET /v1/models`: what the key that asks can call, in OpenAI's shape. */
export function servedModelRoutes(app: App, context: Context): void {
  const { db } = context;

  route(app, context, listServedModels, async ({ accountId, caller }) => {
    const served = await listServed(db, accountId);
    return { object: 'list', data: served.filter(isOpenTo(caller)).map(({ model }) => model) };
  });

  route(app, context, getServedModel, async ({ input, accountId, caller }) => {
    const found = (await listServed(db, accountId))
      .filter(isOpenTo(caller))
      .find(({ model }) => model.id === input.model);
    if (!found)
      throw new EcoError('model_not_found', `No model "${input.model}" that this key can call.`, {
        param: 'model',
        hint: 'eco catalog',
      });
    return found.model;
  });
}

interface Served {
  model: ServedModel;
  /** Under which it is called: a key that may use one may use all. */
  names: readonly string[];
}

const isOpenTo =
  (caller: Caller) =>
  ({ names }: Served): boolean =>
    names.some((name) => mayCall(caller, name));

async function listServed(db: Db, account_id: string): Promise<Served[]> {
  const [catalog, instances, aliases] = await Promise.all([
    listPlatformModelRows(db),
    listCallableInstances(db, account_id),
    listAliasRows(db, account_id, { limit: ALIASES_MAX }),
  ]);
  const platform = catalog
    .filter((row) => decodeEntry(row).status !== 'disabled')
    .map((row) => ({ model: served(row.id, row.created_at, 'ecolink'), names: [row.id] }));
  const own = instances.flatMap(({ id, name, created_at }) => {
    const ref = `${name}:${id}`;
    const leading = aliases.filter(({ workload_id }) => workload_id === id).map((alias) => alias.name);
    const names = [ref, ...leading];
    return names.map((each) => ({ model: served(each, created_at, account_id), names }));
  });
  return [...platform, ...own];
}

const served = (id: string, createdMs: number, owned_by: string): ServedModel => ({
  id,
  object: 'model',
  created: Math.floor(createdMs / 1000),
  owned_by,
});

const ALIASES_MAX = 1000;
const INSTANCES_MAX = 1000;

/** Running instances of the account; one in custom mode has no place on the inference API. */
async function listCallableInstances(db: Db, account_id: string) {
  const rows = await db
    .selectFrom('workloads')
    .select(['id', 'name', 'created_at', 'spec'])
    .where('account_id', '=', account_id)
    .where('kind', '=', 'inference_instance')
    .where('state', 'in', ['running', 'degraded'])
    .orderBy('id')
    .limit(INSTANCES_MAX)
    .execute();
  return rows.filter((row) => JSON.parse(row.spec).custom_api_path === null);
}
