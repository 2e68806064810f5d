import { NO_UNITS } from '../server/billing/price.ts';
import type { UsageRecord } from '../server/billing/settle.ts';
import type { Db } from '../server/db/open.ts';
import type { KeyRow } from '../server/db/schema.ts';
import { dayOfId, newId } from '../server/new-id.ts';

export const HOUR_MS = 3_600_000;
export const DOLLAR = 1_000_000_000n;

/** A tenant without money. */
export async function insertAccount(db: Db): Promise<string> {
  const id = newId('acc');
  await db.insertInto('accounts').values({ id, name: id, is_system: 0, created_at: Date.now() }).execute();
  return id;
}

/** A row of an inference instance: only what money needs of it is real. */
export async function insertWorkload(
  db: Db,
  account_id: string,
  state = 'running',
  since = Date.now(),
): Promise<number> {
  const { id } = await db
    .insertInto('workloads')
    .values({
      uid: newId('uid'),
      account_id,
      kind: 'inference_instance',
      name: 'my-llama',
      model_id: null,
      category: 'chat',
      spec: '{}',
      secrets_encrypted: null,
      desired: 'running',
      generation: 1,
      observed_generation: 1,
      state,
      reason: 'ready',
      message: '',
      hint: null,
      since,
      revision: 1,
      memory: '{}',
      launch_key: null,
      created_at: since,
      started_at: null,
      ended_at: null,
      lease_owner: null,
      lease_token: null,
      lease_expires_at: 0,
      next_at: null,
      changed_seq: 0,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export async function insertKey(db: Db, account_id: string, key: Partial<KeyRow> = {}): Promise<string> {
  const id = newId('key');
  const row: KeyRow = {
    id,
    account_id,
    name: 'test',
    hash: id,
    last_four: 'abcd',
    scopes: null,
    allowed_models: null,
    spend_cap_nanos: null,
    spent_nanos: 0n,
    expires_at: null,
    revoked_at: null,
    created_at: Date.now(),
    changed_seq: 0,
    ...key,
  };
  await db.insertInto('api_keys').values(row).execute();
  return id;
}

/** One metered request of a platform model. */
export function usageRecord(record: Pick<UsageRecord, 'account_id'> & Partial<UsageRecord>): UsageRecord {
  const started_at = record.started_at ?? Date.now();
  const id = record.id ?? newId('req', started_at);
  return {
    id,
    day: dayOfId(id),
    key_id: 'key_none',
    model: 'qwen3-8b',
    workload_id: null,
    region: 'local-a',
    replica_id: 'rep_1',
    status: 'completed',
    streamed: 1,
    estimated: 0,
    input_tokens: 10,
    cached_input_tokens: 4,
    output_tokens: 20,
    ...NO_UNITS,
    cost_nanos: 5n,
    attempts: 1,
    upstream_id: null,
    started_at,
    first_token_ms: 12,
    duration_ms: 40,
    ...record,
  };
}
