import {
  EcoError,
  getModel,
  listModels,
  type Model,
  ModelSource,
  registerModel,
  removeModel,
  updateModel,
} from '../../sdk/contract/index.ts';
import { didYouMean } from '../../sdk/near.ts';
import { recordAudit } from '../accounts/audit-log.ts';
import { findPlatformModel, listPlatformModelRows } from '../catalog/store.ts';
import type { Context } from '../context.ts';
import { isUniqueViolation } from '../db/open.ts';
import type { ModelRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';
import { pageOf } from '../page.ts';
import { checkHome, listFilesystems } from '../regions/filesystems.ts';
import { type App, route } from '../route.ts';
import { getRegisteredModel, notRegistered } from './get-registered-model.ts';
import { insertModel, listModelRows, listUsersOfModel, lockModel, removeModelRow, updateModelRow } from './store.ts';

export function modelRoutes(app: App, context: Context): void {
  const { db, secrets, clock } = context;

  route(app, context, registerModel, async ({ input, accountId, actor }) => {
    const { name, category, source, token } = input;
    await checkSource(context, { source, token, accountId });
    const at = clock();
    const row = {
      id: newId('mdl', at),
      account_id: accountId,
      name,
      category,
      source: JSON.stringify(source),
      token_encrypted: token === undefined ? null : secrets.encrypt(token),
      created_at: at,
      removed_at: null,
    };
    try {
      return await db.transaction().execute(async (trx) => {
        await recordAudit(trx, {
          account_id: accountId,
          actor,
          action: 'model.register',
          target: row.id,
          detail: { name, source },
          at,
        });
        return modelView(await insertModel(trx, row));
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new EcoError('conflict', `A model named "${name}" is registered already.`, {
        param: 'name',
        hint: `eco models show ${name}`,
        cause: error,
      });
    }
  });

  route(app, context, listModels, async ({ input, accountId }) => {
    const rows = await listModelRows(db, accountId, input);
    return pageOf(rows, input.limit, (row) => row.id, modelView);
  });

  route(app, context, getModel, async ({ input, accountId }) =>
    modelView(await getRegisteredModel(db, accountId, input.model)),
  );

  route(app, context, updateModel, async ({ input, accountId, actor }) => {
    const { model, source, token } = input;
    const row = await getRegisteredModel(db, accountId, model);
    if (source === undefined && token === undefined)
      throw new EcoError('invalid_request', 'source: there is nothing to change. Say source, token, or both.', {
        param: 'source',
      });
    const wanted = source ?? sourceOf(row);
    await checkSource(context, { source: wanted, token: token ?? undefined, accountId });
    const columns = {
      source: JSON.stringify(wanted),
      ...(token !== undefined && { token_encrypted: token && secrets.encrypt(token) }),
      ...(wanted.type !== 'huggingface' && { token_encrypted: null }),
    };
    return db.transaction().execute(async (trx) => {
      const changed = await updateModelRow(trx, row.id, columns);
      if (!changed) throw notRegistered(model);
      await recordAudit(trx, {
        account_id: accountId,
        actor,
        action: 'model.update',
        target: row.id,
        detail: { name: row.name, source: wanted, has_token: changed.token_encrypted !== null },
        at: clock(),
      });
      return modelView(changed);
    });
  });

  route(app, context, removeModel, async ({ input, accountId, actor }) => {
    const { id, name } = await getRegisteredModel(db, accountId, input.model);
    const at = clock();
    return db.transaction().execute(async (trx) => {
      if (!(await lockModel(trx, id))) throw notRegistered(input.model);
      const users = await listUsersOfModel(trx, id);
      if (users.length > 0) throw stillUsed(name, users);
      await recordAudit(trx, {
        account_id: accountId,
        actor,
        action: 'model.remove',
        target: id,
        detail: { name },
        at,
      });
      return modelView(await removeModelRow(trx, id, at));
    });
  });
}

interface Wanted {
  source: ModelSource;
  token: string | undefined;
  accountId: string;
}

/** What can be said at once. */
async function checkSource(
  { db, regions }: Pick<Context, 'db' | 'regions'>,
  { source, token, accountId }: Wanted,
): Promise<void> {
  if (token !== undefined && source.type !== 'huggingface')
    throw new EcoError('invalid_request', 'token: only a huggingface source takes one.', { param: 'token' });
  if (source.type === 'filesystem') checkHome(listFilesystems(regions, accountId), source);
  if (source.type !== 'platform') return;
  if (await findPlatformModel(db, source.platform_model)) return;
  const ids = (await listPlatformModelRows(db)).map((row) => row.id);
  throw new EcoError(
    'not_found',
    `No platform model "${source.platform_model}".${didYouMean(source.platform_model, ids)}`,
    {
      param: 'source.platform_model',
      hint: 'eco catalog',
    },
  );
}

function stillUsed(name: string, users: { id: number; name: string }[]): EcoError {
  const refs = users.map((user) => `${user.name}:${user.id}`).join(', ');
  return new EcoError('conflict', `Model "${name}" is used by ${refs}. Terminate first.`, {
    param: 'model',
    hint: `eco terminate ${users[0]?.id}`,
  });
}

const sourceOf = (row: ModelRow): ModelSource => ModelSource.parse(JSON.parse(row.source));

function modelView(row: ModelRow): Model {
  const { id, name, category, created_at } = row;
  return {
    object: 'model',
    id,
    name,
    category: category as Model['category'],
    source: sourceOf(row),
    has_token: row.token_encrypted !== null,
    created_at,
  };
}
