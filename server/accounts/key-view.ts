import { formatMoney, type Key } from '../../sdk/contract/index.ts';
import type { KeyRow } from '../db/schema.ts';

export function keyView(row: KeyRow): Key {
  const { id, name, last_four, expires_at, revoked_at, created_at, spend_cap_nanos } = row;
  return {
    object: 'key',
    id,
    name,
    last_four,
    scopes: row.scopes === null ? null : JSON.parse(row.scopes),
    allowed_models: row.allowed_models === null ? null : JSON.parse(row.allowed_models),
    spend_cap: spend_cap_nanos === null ? null : formatMoney(spend_cap_nanos),
    expires_at,
    revoked_at,
    created_at,
  };
}
