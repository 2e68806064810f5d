import type { ColumnType, Generated } from 'kysely';

/**
 * Rows as both databases give them: `*_nanos` are bigint, other integers numbers, flags 0 or 1, times Unix
 * milliseconds, JSON is text. `changed_seq` orders changes within a topic, so that every server can follow them (`changes.ts`).
 */
export interface Schema {
  installation: { id: number; uid: string; created_at: number };
  topics: { name: string; seq: number };
  accounts: AccountRow;
  api_keys: KeyRow;
  models: ModelRow;
  platform_models: PlatformModelRow;
  workloads: WorkloadTable;
  replicas: ReplicaRow;
  replica_intervals: IntervalRow;
  events: EventRow;
  transfers: TransferRow;
  balances: BalanceRow;
  holds: HoldRow;
  usage_records: UsageRecordRow;
  idempotency_keys: IdempotencyRow;
  audit_log: AuditRow;
  aliases: AliasRow;
  video_jobs: VideoJobRow;
  engine_loads: EngineLoadsRow;
}

export interface AccountRow {
  id: string;
  name: string;
  /** 1 for the operator's own account, whose workloads serve platform models and cost nothing. */
  is_system: number;
  created_at: number;
}

export interface KeyRow {
  id: string;
  account_id: string;
  name: string;
  /** Hex HMAC-SHA-256 of the whole key under the server's pepper. */
  hash: string;
  last_four: string;
  /** JSON array, or null for no restriction. */
  scopes: string | null;
  allowed_models: string | null;
  spend_cap_nanos: bigint | null;
  spent_nanos: bigint;
  expires_at: number | null;
  revoked_at: number | null;
  created_at: number;
  changed_seq: number;
}

export interface ModelRow {
  id: string;
  account_id: string;
  name: string;
  category: string;
  source: string;
  token_encrypted: string | null;
  created_at: number;
  removed_at: number | null;
}

export interface PlatformModelRow {
  id: string;
  /** JSON of a `CatalogEntry` without id and prices. */
  entry: string;
  /** JSON of `Prices`, or null while unpriced. */
  prices: string | null;
  created_at: number;
  changed_seq: number;
}

/** Desired state of a workload. `state` and what follows is what the last reconcile pass saw. */
export interface WorkloadTable {
  id: Generated<number>;
  uid: string;
  account_id: string;
  kind: string;
  name: string;
  model_id: string | null;
  category: string | null;
  /** JSON of `WorkloadSpec` (`workloads/spec.ts`). */
  spec: string;
  secrets_encrypted: string | null;
  desired: string;
  generation: number;
  observed_generation: number;
  state: string;
  reason: string;
  message: string;
  hint: string | null;
  since: number;
  revision: number;
  /** JSON of restart times and other memory that `phase` needs from pass to pass. */
  memory: string;
  launch_key: string | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  lease_owner: string | null;
  lease_token: string | null;
  lease_expires_at: number;
  /** When the next pass is due; null when nothing is left to do. */
  next_at: number | null;
  changed_seq: number;
}
export type WorkloadRow = {
  [K in keyof WorkloadTable]: WorkloadTable[K] extends ColumnType<infer S, infer _I, infer _U> ? S : WorkloadTable[K];
};

export interface ReplicaRow {
  id: string;
  workload_id: number;
  region: string;
  node: string | null;
  state: string;
  reason: string;
  message: string;
  restarts: number;
  pid: number | null;
  /** `host:port` that the gateway dials. */
  address: string | null;
  started_at: number | null;
  ready_at: number | null;
  ended_at: number | null;
  exit_code: number | null;
  changed_seq: number;
}

/** Time a replica held its GPUs. `ended_at` null: still does. */
export interface IntervalRow {
  replica_id: string;
  workload_id: number;
  account_id: string;
  region: string;
  gpu: string;
  gpus: number;
  /** Per GPU and hour. */
  price_nanos: bigint;
  started_at: number;
  ended_at: number | null;
  /** Up to here it has been charged. */
  charged_until: number;
}

export interface EventRow {
  id: string;
  workload_id: number;
  account_id: string;
  at: number;
  type: string;
  reason: string;
  message: string;
  actor: string;
}

/** Money moved once: never changed, never deleted. */
export interface TransferRow {
  id: string;
  /** Number of the `balances` topic: the true order, also where clocks of servers differ. */
  seq: number;
  /** The tenant this concerns. */
  account_id: string;
  debit_account: string;
  credit_account: string;
  amount_nanos: bigint;
  kind: string;
  description: string;
  reference: string | null;
  available_after_nanos: bigint;
  created_at: number;
}

export interface BalanceRow {
  ledger_account: string;
  amount_nanos: bigint;
  changed_seq: number;
}

export interface HoldRow {
  id: string;
  account_id: string;
  workload_id: number;
  amount_nanos: bigint;
  status: string;
  opened_at: number;
  /** When it has paid for all it can and must be renewed. Null until the first replica started. */
  covers_until: number | null;
  settled_at: number | null;
}

export interface UsageRecordRow {
  day: string;
  id: string;
  account_id: string;
  key_id: string;
  model: string;
  workload_id: number | null;
  region: string | null;
  replica_id: string | null;
  status: string;
  streamed: number;
  estimated: number;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  images: number;
  /** Heard or spoken. */
  audio_ms: number;
  characters: number;
  documents: number;
  video_ms: number;
  cost_nanos: bigint;
  /** Id of the transfer that charged it; null where the cost is zero. */
  transfer_id: string | null;
  attempts: number;
  upstream_id: string | null;
  started_at: number;
  first_token_ms: number | null;
  duration_ms: number;
}

export interface IdempotencyRow {
  account_id: string;
  key: string;
  fingerprint: string;
  server_id: string;
  status: number | null;
  body: string | null;
  created_at: number;
}

export interface AuditRow {
  id: string;
  account_id: string | null;
  actor: string;
  action: string;
  target: string;
  detail: string;
  address: string | null;
  at: number;
}

/** A name of an account that leads to one of its instances. Removed ones stay, so that every server hears of it. */
export interface AliasRow {
  account_id: string;
  name: string;
  workload_id: number;
  fingerprint: string | null;
  updated_at: number;
  removed_at: number | null;
  changed_seq: number;
}

/** A video that was ordered: whose it is, which replica makes it, and how far it is. */
export interface VideoJobRow {
  id: string;
  account_id: string;
  key_id: string;
  /** As usage knows it: the catalogue id, or `name:id`. */
  model: string;
  workload_id: number | null;
  status: string;
  /** JSON of `Prices` at the time of the order, or null for an own instance. */
  prices: string | null;
  /** What the order stands with on the account's tab until it is over. */
  estimate_nanos: bigint;
  /** The replica that makes it: only there can it be asked for. Null until one has taken it. */
  replica_id: string | null;
  region: string | null;
  /** `http://host:port` of that replica, with the path in front of `/video/generations`. */
  base_url: string | null;
  /** The replica's own id of the job. */
  upstream_id: string | null;
  /** Where the replica says the video is. */
  upstream_url: string | null;
  duration_ms: number | null;
  error_code: string | null;
  error_message: string | null;
  created_at: number;
  completed_at: number | null;
  expires_at: number;
  lease_owner: string | null;
  lease_expires_at: number;
  /** When it is asked after again; null when it is over. */
  next_at: number | null;
}

/** What the engines of a region run and have waiting, and which server asks them. */
export interface EngineLoadsRow {
  region: string;
  lease_owner: string | null;
  lease_expires_at: number;
  /** JSON of `ReplicaLoad[]` (`gateway/engines/store.ts`). */
  loads: string;
}
