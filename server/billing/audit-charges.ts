import type { Db } from '../db/open.ts';
import { type Amounts, type Check, compareAmounts, differing } from './audit-check.ts';
import { type GpuTime, priceGpuTime } from './price.ts';

/** What was charged equals what was used: requests, keys, GPU time. */
export async function checkCharges(trx: Db): Promise<Check[]> {
  return [await checkUsageCharges(trx), await checkUncharged(trx), await checkKeys(trx), await checkGpuCharges(trx)];
}

/** Each transfer for requests is the sum of the requests that name it. */
async function checkUsageCharges(trx: Db): Promise<Check> {
  const costs = trx
    .selectFrom('usage_records')
    .select(({ cast, fn }) => ['transfer_id', cast<bigint>(fn.sum('cost_nanos'), 'bigint').as('cost_nanos')])
    .groupBy('transfer_id');
  const charges = trx
    .selectFrom('transfers')
    .leftJoin(costs.as('costs'), 'costs.transfer_id', 'transfers.id')
    .where('transfers.kind', '=', 'api_usage');
  const { count } = await charges.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  const wrong = await charges
    .select(['transfers.id', 'transfers.amount_nanos', 'costs.cost_nanos'])
    .where(({ eb, or, ref }) =>
      or([eb('costs.cost_nanos', 'is', null), eb('costs.cost_nanos', '!=', ref('transfers.amount_nanos'))]),
    )
    .execute();
  return {
    name: 'usage_charge',
    checked: count,
    findings: wrong.map((row) => differing(row.id, row.cost_nanos ?? 0n, row.amount_nanos)),
  };
}

/** Each request that costs something names a transfer that is there. */
async function checkUncharged(trx: Db): Promise<Check> {
  const records = trx
    .selectFrom('usage_records as u')
    .leftJoin('transfers as t', (join) => join.onRef('t.id', '=', 'u.transfer_id').on('t.kind', '=', 'api_usage'))
    .where('u.cost_nanos', '>', 0n);
  const { count } = await records.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  const wrong = await records.select(['u.id', 'u.cost_nanos']).where('t.id', 'is', null).execute();
  return {
    name: 'usage_record',
    checked: count,
    findings: wrong.map((row) => differing(row.id, row.cost_nanos, 0n)),
  };
}

async function checkKeys(trx: Db): Promise<Check> {
  const costs = await trx
    .selectFrom('usage_records')
    .innerJoin('api_keys', 'api_keys.id', 'usage_records.key_id')
    .select(({ cast, fn }) => ['key_id', cast<bigint>(fn.sum('cost_nanos'), 'bigint').as('cost_nanos')])
    .groupBy('key_id')
    .execute();
  const keys = await trx.selectFrom('api_keys').select(['id', 'spent_nanos']).execute();
  return compareAmounts(
    'key_spent',
    new Map(costs.map((row) => [row.key_id, row.cost_nanos])),
    new Map(keys.map((row) => [row.id, row.spent_nanos])),
  );
}

/** Per workload. Each settlement rounds once, so a nano-dollar may go astray in every second one. */
async function checkGpuCharges(trx: Db): Promise<Check> {
  const times = await listChargedTime(trx);
  const { paid, settlements } = await sumGpuTransfers(trx);
  for (const [workload, count] of await countSettledHolds(trx))
    settlements.set(workload, (settlements.get(workload) ?? 0n) + count);
  const owed = new Map([...times].map(([workload, parts]) => [workload, priceGpuTime(parts)]));
  const tolerated = new Map([...settlements].map(([workload, count]) => [workload, count / 2n]));
  return compareAmounts('gpu_charge', owed, paid, tolerated);
}

async function listChargedTime(trx: Db): Promise<Map<string, GpuTime[]>> {
  const rows = await trx
    .selectFrom('replica_intervals')
    .select(({ cast, eb, fn, ref }) => [
      'workload_id',
      'gpus',
      'price_nanos',
      cast<number>(fn.sum(eb(ref('charged_until'), '-', ref('started_at'))), 'bigint').as('ms'),
    ])
    .groupBy(['workload_id', 'gpus', 'price_nanos'])
    .execute();
  return Map.groupBy(rows, (row) => String(row.workload_id));
}

async function sumGpuTransfers(trx: Db): Promise<{ paid: Amounts; settlements: Map<string, bigint> }> {
  const rows = await trx
    .selectFrom('transfers')
    .select(({ cast, fn }) => [
      'reference',
      'kind',
      cast<bigint>(fn.sum('amount_nanos'), 'bigint').as('sum_nanos'),
      fn.countAll<number>().as('count'),
    ])
    .where('kind', 'in', ['gpu_usage', 'refund'])
    .groupBy(['reference', 'kind'])
    .execute();
  const paid = new Map<string, bigint>();
  const settlements = new Map<string, bigint>();
  for (const { reference, kind, sum_nanos, count } of rows) {
    const workload = reference ?? 'none';
    paid.set(workload, (paid.get(workload) ?? 0n) + (kind === 'refund' ? -sum_nanos : sum_nanos));
    settlements.set(workload, (settlements.get(workload) ?? 0n) + BigInt(count));
  }
  return { paid, settlements };
}

async function countSettledHolds(trx: Db): Promise<[workload: string, count: bigint][]> {
  const rows = await trx
    .selectFrom('holds')
    .select(({ fn }) => ['workload_id', fn.countAll<number>().as('count')])
    .where('status', '=', 'settled')
    .groupBy('workload_id')
    .execute();
  return rows.map((row) => [String(row.workload_id), BigInt(row.count)]);
}
