import { sql } from 'kysely';
import type { Db } from '../db/open.ts';
import { type Amounts, type Check, compareAmounts, differing } from './audit-check.ts';

/** Transfers are the truth; cached balances, their sum and each transfer's balance after must follow from them. */
export async function checkLedger(trx: Db): Promise<Check[]> {
  const cached = await trx.selectFrom('balances').selectAll().execute();
  const balances = new Map(cached.map((row) => [row.ledger_account, row.amount_nanos]));
  const sum = cached.reduce((sum, row) => sum + row.amount_nanos, 0n);
  return [
    compareAmounts('balance', await recomputeBalances(trx), balances),
    { name: 'ledger_sum', checked: cached.length, findings: sum === 0n ? [] : [differing('ledger', 0n, sum)] },
    await checkBalancesAfter(trx),
  ];
}

/** Credits minus debits of every ledger account. */
async function recomputeBalances(trx: Db): Promise<Amounts> {
  const [credits, debits] = [await sumTransfers(trx, 'credit_account'), await sumTransfers(trx, 'debit_account')];
  const balances = new Map(credits);
  for (const [name, amount] of debits) balances.set(name, (balances.get(name) ?? 0n) - amount);
  return balances;
}

async function sumTransfers(trx: Db, side: 'debit_account' | 'credit_account'): Promise<Amounts> {
  const rows = await trx
    .selectFrom('transfers')
    .select(({ cast, fn }) => [
      `${side} as name` as const,
      cast<bigint>(fn.sum('amount_nanos'), 'bigint').as('sum_nanos'),
    ])
    .groupBy(side)
    .execute();
  return new Map(rows.map((row) => [row.name, row.sum_nanos]));
}

const availableChange = sql<bigint>`case 'available:' || account_id
  when credit_account then amount_nanos when debit_account then -amount_nanos else 0 end`;

/** Every transfer says what was available after it: the running sum of its account in the order money moved. */
async function checkBalancesAfter(trx: Db): Promise<Check> {
  const running = trx
    .selectFrom('transfers')
    .select(['id', 'available_after_nanos'])
    .select(
      sql<bigint>`cast(sum(${availableChange}) over (partition by account_id order by seq) as bigint)`.as(
        'running_nanos',
      ),
    );
  const wrong = await trx
    .selectFrom(running.as('running'))
    .selectAll()
    .whereRef('running_nanos', '!=', 'available_after_nanos')
    .execute();
  return {
    name: 'available_after',
    checked: await countTransfers(trx),
    findings: wrong.map((row) => differing(row.id, row.running_nanos, row.available_after_nanos)),
  };
}

async function countTransfers(trx: Db): Promise<number> {
  const { count } = await trx
    .selectFrom('transfers')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}
