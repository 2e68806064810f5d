import { createKey, EcoError, listKeys, parseMoney, revokeKey } from '../../sdk/contract/index.ts';
import type { Context } from '../context.ts';
import { newId } from '../new-id.ts';
import { pageOf } from '../page.ts';
import { type App, route } from '../route.ts';
import { recordAudit } from './audit-log.ts';
import { keyView } from './key-view.ts';
import { makeKey } from './secret-key.ts';
import { insertKey, listKeyRows, revokeKeyRow } from './store.ts';

export function keyRoutes(app: App, context: Context): void {
  const { db, changes, secrets, clock } = context;

  route(app, context, createKey, async ({ input, accountId, actor }) => {
    const now = clock();
    if (input.expires_at !== undefined && input.expires_at <= now)
      throw new EcoError('invalid_request', 'expires_at lies in the past.', { param: 'expires_at' });
    const secret = makeKey();
    const row = await db.transaction().execute(async (trx) => {
      const row = await insertKey(trx, { ...newKey(secret, accountId), ...restrictions(input) });
      await recordAudit(trx, {
        account_id: accountId,
        actor,
        action: 'key.create',
        target: row.id,
        at: now,
      });
      return row;
    });
    await changes.nudge('keys');
    return { ...keyView(row), secret };
  });

  route(app, context, listKeys, async ({ input, accountId }) => {
    const rows = await listKeyRows(db, accountId, input);
    return pageOf(rows, input.limit, (row) => row.id, keyView);
  });

  route(app, context, revokeKey, async ({ input, accountId, actor }) => {
    const at = clock();
    const row = await db.transaction().execute(async (trx) => {
      const row = await revokeKeyRow(trx, accountId, input.key_id, at);
      await recordAudit(trx, { account_id: accountId, actor, action: 'key.revoke', target: row.id, at });
      return row;
    });
    await changes.nudge('keys');
    return keyView(row);
  });

  const newKey = (secret: string, account_id: string) => ({
    id: newId('key', clock()),
    account_id,
    hash: secrets.hashKey(secret),
    last_four: secret.slice(-4),
    created_at: clock(),
  });
}

interface Restrictions {
  name: string;
  scopes?: string[] | undefined;
  allowed_models?: string[] | undefined;
  spend_cap?: string | undefined;
  expires_at?: number | undefined;
}

const restrictions = ({ name, scopes, allowed_models, spend_cap, expires_at }: Restrictions) => ({
  name,
  scopes: scopes ? JSON.stringify(scopes) : null,
  allowed_models: allowed_models ? JSON.stringify(allowed_models) : null,
  spend_cap_nanos: spend_cap === undefined ? null : parseMoney(spend_cap),
  expires_at: expires_at ?? null,
});
