import type { Db } from '../db/open.ts';
import { newId } from '../new-id.ts';

/** Who asks: the id of a key, `admin` or `system`, and the address that the request came from. */
export interface Actor {
  id: string;
  address: string | null;
}

export const SYSTEM: Actor = { id: 'system', address: null };

export interface AuditEntry {
  account_id: string | null;
  actor: Actor;
  action: string;
  target: string;
  /** Holds no secrets. */
  detail?: unknown;
  at: number;
}

/** Notes who changed what, when and from where, in the transaction that changes it. */
export async function recordAudit(trx: Db, { actor, detail = {}, ...entry }: AuditEntry): Promise<void> {
  const row = {
    ...entry,
    id: newId('aud', entry.at),
    actor: actor.id,
    address: actor.address,
    detail: JSON.stringify(detail),
  };
  await trx.insertInto('audit_log').values(row).execute();
}
