import {
  creditAccount,
  formatMoney,
  getBalance,
  listTransactions,
  listUsage,
  parseMoney,
  runAudit,
} from '../../sdk/contract/index.ts';
import type { Context } from '../context.ts';
import { type App, route } from '../route.ts';
import { auditMoney } from './audit.ts';
import { creditOnce } from './credit.ts';
import { findBurnRate } from './intervals.ts';
import { listStatement } from './statement.ts';
import { getBalanceOf } from './store.ts';
import { reportUsage } from './usage-report.ts';

const USAGE_SPAN_MS = 30 * 86_400_000;

export function billingRoutes(app: App, context: Context): void {
  const { db, changes, clock } = context;

  route(app, context, getBalance, async ({ accountId }) => {
    const [{ available_nanos, held_nanos }, burnRate] = await Promise.all([
      getBalanceOf(db, accountId),
      findBurnRate(db, accountId),
    ]);
    return {
      object: 'balance',
      available: formatMoney(available_nanos),
      held: formatMoney(held_nanos),
      burn_rate_per_hour: formatMoney(burnRate),
    };
  });

  route(app, context, listTransactions, ({ input, accountId }) =>
    listStatement(db, { ...input, account_id: accountId }),
  );

  route(app, context, listUsage, ({ input, accountId }) => {
    const { until = clock() + 1, since = Math.max(0, until - USAGE_SPAN_MS) } = input;
    return reportUsage(db, { ...input, account_id: accountId, since, until });
  });

  route(app, context, creditAccount, async ({ input: { amount, reference, ...input }, actor, idempotencyKey }) => {
    const credit = { ...input, reference, idempotencyKey, amount_nanos: parseMoney(amount), actor, now: clock() };
    const transfer = await db.transaction().execute((trx) => creditOnce(trx, credit));
    await changes.nudge('balances');
    return {
      object: 'credit',
      transaction_id: transfer.id,
      account_id: transfer.account_id,
      amount: formatMoney(transfer.amount_nanos),
      available: formatMoney(transfer.available_after_nanos),
    };
  });

  route(app, context, runAudit, () => auditMoney(db, clock()));
}
