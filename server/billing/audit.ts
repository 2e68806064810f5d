import type { Audit } from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import { checkCharges } from './audit-charges.ts';
import { checkHolds } from './audit-holds.ts';
import { checkLedger } from './audit-ledger.ts';

const FINDINGS_MAX = 1_000;

/** Recomputes all money from its rows, on one snapshot, and reports every difference. Changes nothing. */
export async function auditMoney(db: Db, now = Date.now()): Promise<Audit> {
  const checks = await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => [
      ...(await checkLedger(trx)),
      ...(await checkHolds(trx, now)),
      ...(await checkCharges(trx)),
    ]);
  const findings = checks.flatMap(({ name, findings }) => findings.map((finding) => ({ check: name, ...finding })));
  return {
    object: 'audit',
    clean: findings.length === 0,
    checked: Object.fromEntries(checks.map(({ name, checked }) => [name, checked])),
    findings: findings.slice(0, FINDINGS_MAX),
  };
}
