import type { Context } from '../context.ts';
import { tenantOf } from './ledger.ts';

/** What every account may spend, in memory: admission asks it without a look into the database. */
export interface Wallets {
  /** Nano-dollars; an account that never had money has none. At most a poll behind other servers. */
  available(account_id: string): bigint;
}

export async function openWallets({ db, changes }: Pick<Context, 'db' | 'changes'>): Promise<Wallets> {
  const available = new Map<string, bigint>();
  await changes.follow('balances', async (since) => {
    const rows = await db
      .selectFrom('balances')
      .selectAll()
      .where('changed_seq', '>', since)
      .orderBy('changed_seq')
      .execute();
    for (const { ledger_account, amount_nanos } of rows) {
      const account_id = tenantOf(ledger_account);
      if (account_id !== undefined) available.set(account_id, amount_nanos);
    }
    return rows.at(-1)?.changed_seq ?? since;
  });
  return { available: (account_id) => available.get(account_id) ?? 0n };
}
