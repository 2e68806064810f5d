import type { Context } from '../context.ts';
import type { AccountRow, KeyRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';
import { type Actor, recordAudit } from './audit-log.ts';
import { makeKey } from './secret-key.ts';
import { insertAccount, insertKey } from './store.ts';

interface NewAccount {
  name: string;
  actor: Actor;
  isSystem?: boolean;
}

/** An account with its first key, which may do everything the account may. The secret is not kept anywhere. */
export async function openAccount(
  { db, changes, secrets, clock }: Pick<Context, 'db' | 'changes' | 'secrets' | 'clock'>,
  { name, actor, isSystem = false }: NewAccount,
): Promise<{ account: AccountRow; key: KeyRow; secret: string }> {
  const now = clock();
  const account = { id: newId('acc', now), name, is_system: isSystem ? 1 : 0, created_at: now };
  const secret = makeKey();
  const key = await db.transaction().execute(async (trx) => {
    await insertAccount(trx, account);
    await recordAudit(trx, {
      account_id: account.id,
      actor,
      action: 'account.create',
      target: account.id,
      detail: { name },
      at: now,
    });
    return insertKey(trx, {
      id: newId('key', now),
      account_id: account.id,
      name: 'first key',
      hash: secrets.hashKey(secret),
      last_four: secret.slice(-4),
      scopes: null,
      allowed_models: null,
      spend_cap_nanos: null,
      expires_at: null,
      created_at: now,
    });
  });
  await changes.nudge('keys');
  return { account, key, secret };
}
