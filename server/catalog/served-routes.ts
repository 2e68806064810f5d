import { EcoError, getServedModel, listServedModels, type ServedModel } from '../../sdk/contract/index.ts';
import { mayCall } from '../accounts/caller.ts';
import type { Context } from '../context.ts';
import type { Db } from '../db/open.ts';
import { type App, route } from '../route.ts';
import { decodeEntry, listPlatformModelRows } from './store.ts';

/** `GET /v1/models`: what the key that asks can call, in OpenAI's shape. */
export function servedModelRoutes(app: App, context: Context): void {
  const { db } = context;

  route(app, context, listServedModels, async ({ accountId, caller }) => {
    const served = await listServed(db, accountId);
    return { object: 'list', data: served.filter((model) => mayCall(caller, model.id)) };
  });

  route(app, context, getServedModel, async ({ input, accountId, caller }) => {
    const served = (await listServed(db, accountId)).find(
      (model) => model.id === input.model && mayCall(caller, model.id),
    );
    if (!served)
      throw new EcoError('model_not_found', `No model "${input.model}" that this key can call.`, {
        param: 'model',
        hint: 'eco catalog',
      });
    return served;
  });
}

async function listServed(db: Db, account_id: string): Promise<ServedModel[]> {
  const [catalog, instances] = await Promise.all([listPlatformModelRows(db), listCallableInstances(db, account_id)]);
  const platform = catalog
    .filter((row) => decodeEntry(row).status !== 'disabled')
    .map((row) => served(row.id, row.created_at, 'ecolink'));
  return [...platform, ...instances.map(({ id, name, created_at }) => served(`${name}:${id}`, created_at, account_id))];
}

const served = (id: string, createdMs: number, owned_by: string): ServedModel => ({
  id,
  object: 'model',
  created: Math.floor(createdMs / 1000),
  owned_by,
});

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
