import type { Db } from '../db/open.ts';
import type { AuditRow } from '../db/schema.ts';
import { newId } from '../new-id.ts';

/** Notes who changed what, when and from where, in the transaction that changes it. `detail` holds no secrets. */
export async function recordAudit(
  trx: Db,
  entry: Omit<AuditRow, 'id' | 'detail'> & { detail?: unknown },
): Promise<void> {
  const detail = JSON.stringify(entry.detail ?? {});
  await trx
    .insertInto('audit_log')
    .values({ ...entry, id: newId('aud', entry.at), detail })
    .execute();
}
