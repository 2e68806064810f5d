import {
  type Account,
  createAccount,
  EcoError,
  formatMoney,
  listAccounts,
  type WhoAmI,
  whoAmI,
} from '../../sdk/contract/index.ts';
import { readBalances } from '../billing/store.ts';
import type { Context } from '../context.ts';
import type { AccountRow } from '../db/schema.ts';
import { pageOf } from '../page.ts';
import { type App, route } from '../route.ts';
import { keyView } from './key-view.ts';
import { openAccount } from './open-account.ts';
import { findAccount, findKey, listAccountRows } from './store.ts';

export function accountRoutes(app: App, context: Context): void {
  const { db } = context;

  route(app, context, whoAmI, async ({ caller }): Promise<WhoAmI> => {
    if (caller.type !== 'account')
      return { object: 'whoami', admin: caller.type === 'admin', account: null, key: null };
    const [account, key] = await Promise.all([findAccount(db, caller.key.account_id), findKey(db, caller.key.id)]);
    if (!account || !key) throw new EcoError('invalid_api_key', 'This API key is not valid any more.');
    return { object: 'whoami', admin: false, account: accountView(account), key: keyView(key) };
  });

  route(app, context, createAccount, async ({ input, actor }) => {
    const { account, secret } = await openAccount(context, { name: input.name, actor });
    return { ...accountView(account), secret };
  });

  route(app, context, listAccounts, async ({ input }) => {
    const rows = await listAccountRows(db, input);
    const balances = await readBalances(
      db,
      rows.map((row) => row.id),
    );
    return pageOf(
      rows,
      input.limit,
      (row) => row.id,
      (row) => {
        const { available_nanos, held_nanos } = balances.get(row.id) ?? { available_nanos: 0n, held_nanos: 0n };
        return { ...accountView(row), available: formatMoney(available_nanos), held: formatMoney(held_nanos) };
      },
    );
  });
}

const accountView = ({ id, name, created_at }: AccountRow): Account => ({ object: 'account', id, name, created_at });
