import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../open.ts';

const NANOS_BOUND = '9000000000000000000';

export async function start(db: Kysely<unknown>, { int64, strict }: ColumnTypes): Promise<void> {
  const table = (name: string) =>
    strict ? db.schema.createTable(name).modifyEnd(sql`strict`) : db.schema.createTable(name);
  const nanos = (column: string) =>
    sql`${sql.ref(column)} between ${sql.raw(`-${NANOS_BOUND}`)} and ${sql.raw(NANOS_BOUND)}`;
  // biome-ignore format: a table a paragraph reads better
  const tables: CreateTableBuilder<string, string>[] = [
    table('installation').addColumn('id', 'integer', (c) => c.primaryKey()).addColumn('uid', 'text', (c) => c.notNull()).addColumn('created_at', int64, (c) => c.notNull()),

    table('topics').addColumn('name', 'text', (c) => c.primaryKey()).addColumn('seq', int64, (c) => c.notNull()),

    table('accounts').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('name', 'text', (c) => c.notNull())
      .addColumn('is_system', 'integer', (c) => c.notNull()).addColumn('created_at', int64, (c) => c.notNull()),

    table('api_keys').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id'))
      .addColumn('name', 'text', (c) => c.notNull()).addColumn('hash', 'text', (c) => c.notNull().unique()).addColumn('last_four', 'text', (c) => c.notNull())
      .addColumn('scopes', 'text').addColumn('allowed_models', 'text').addColumn('spend_cap_nanos', int64).addColumn('spent_nanos', int64, (c) => c.notNull())
      .addColumn('expires_at', int64).addColumn('revoked_at', int64).addColumn('created_at', int64, (c) => c.notNull()).addColumn('changed_seq', int64, (c) => c.notNull()),

    table('models').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id'))
      .addColumn('name', 'text', (c) => c.notNull()).addColumn('category', 'text', (c) => c.notNull()).addColumn('source', 'text', (c) => c.notNull())
      .addColumn('token_encrypted', 'text').addColumn('created_at', int64, (c) => c.notNull()).addColumn('removed_at', int64),

    table('platform_models').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('entry', 'text', (c) => c.notNull()).addColumn('prices', 'text')
      .addColumn('created_at', int64, (c) => c.notNull()).addColumn('changed_seq', int64, (c) => c.notNull()),

    (strict
      ? table('workloads').addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
      : table('workloads').addColumn('id', int64, (c) => c.primaryKey().generatedAlwaysAsIdentity()))
      .addColumn('uid', 'text', (c) => c.notNull().unique()).addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id'))
      .addColumn('kind', 'text', (c) => c.notNull()).addColumn('name', 'text', (c) => c.notNull()).addColumn('model_id', 'text').addColumn('category', 'text')
      .addColumn('spec', 'text', (c) => c.notNull()).addColumn('secrets_encrypted', 'text').addColumn('desired', 'text', (c) => c.notNull())
      .addColumn('generation', 'integer', (c) => c.notNull()).addColumn('observed_generation', 'integer', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull()).addColumn('reason', 'text', (c) => c.notNull()).addColumn('message', 'text', (c) => c.notNull()).addColumn('hint', 'text')
      .addColumn('since', int64, (c) => c.notNull()).addColumn('revision', 'integer', (c) => c.notNull()).addColumn('memory', 'text', (c) => c.notNull())
      .addColumn('launch_key', 'text').addColumn('created_at', int64, (c) => c.notNull()).addColumn('started_at', int64).addColumn('ended_at', int64)
      .addColumn('lease_owner', 'text').addColumn('lease_token', 'text').addColumn('lease_expires_at', int64, (c) => c.notNull()).addColumn('next_at', int64)
      .addColumn('changed_seq', int64, (c) => c.notNull()).addUniqueConstraint('workloads_launch_key', ['account_id', 'launch_key']),

    table('replicas').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('workload_id', int64, (c) => c.notNull().references('workloads.id'))
      .addColumn('region', 'text', (c) => c.notNull()).addColumn('node', 'text').addColumn('state', 'text', (c) => c.notNull()).addColumn('reason', 'text', (c) => c.notNull())
      .addColumn('message', 'text', (c) => c.notNull()).addColumn('restarts', 'integer', (c) => c.notNull()).addColumn('pid', 'integer').addColumn('address', 'text')
      .addColumn('started_at', int64).addColumn('ready_at', int64).addColumn('ended_at', int64).addColumn('exit_code', 'integer').addColumn('changed_seq', int64, (c) => c.notNull()),

    table('replica_intervals').addColumn('replica_id', 'text', (c) => c.primaryKey()).addColumn('workload_id', int64, (c) => c.notNull().references('workloads.id'))
      .addColumn('account_id', 'text', (c) => c.notNull()).addColumn('region', 'text', (c) => c.notNull()).addColumn('gpu', 'text', (c) => c.notNull()).addColumn('gpus', 'integer', (c) => c.notNull())
      .addColumn('price_nanos', int64, (c) => c.notNull()).addColumn('started_at', int64, (c) => c.notNull()).addColumn('ended_at', int64).addColumn('charged_until', int64, (c) => c.notNull())
      .addCheckConstraint('interval_forward', sql`(ended_at is null or ended_at >= started_at) and charged_until >= started_at`),

    table('events').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('workload_id', int64, (c) => c.notNull().references('workloads.id')).addColumn('account_id', 'text', (c) => c.notNull())
      .addColumn('at', int64, (c) => c.notNull()).addColumn('type', 'text', (c) => c.notNull()).addColumn('reason', 'text', (c) => c.notNull()).addColumn('message', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull()),

    table('transfers').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('seq', int64, (c) => c.notNull()).addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id'))
      .addColumn('debit_account', 'text', (c) => c.notNull()).addColumn('credit_account', 'text', (c) => c.notNull()).addColumn('amount_nanos', int64, (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull()).addColumn('description', 'text', (c) => c.notNull()).addColumn('reference', 'text')
      .addColumn('available_after_nanos', int64, (c) => c.notNull()).addColumn('created_at', int64, (c) => c.notNull())
      .addCheckConstraint('transfer_positive', sql`amount_nanos > 0 and amount_nanos <= ${sql.raw(NANOS_BOUND)}`)
      .addCheckConstraint('transfer_moves', sql`debit_account <> credit_account`),

    table('balances').addColumn('ledger_account', 'text', (c) => c.primaryKey()).addColumn('amount_nanos', int64, (c) => c.notNull()).addColumn('changed_seq', int64, (c) => c.notNull())
      .addCheckConstraint('balance_bound', nanos('amount_nanos')),

    table('holds').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id')).addColumn('workload_id', int64, (c) => c.notNull().references('workloads.id'))
      .addColumn('amount_nanos', int64, (c) => c.notNull()).addColumn('status', 'text', (c) => c.notNull()).addColumn('opened_at', int64, (c) => c.notNull())
      .addColumn('covers_until', int64).addColumn('settled_at', int64).addCheckConstraint('hold_not_negative', sql`amount_nanos >= 0`),

    table('usage_records').addColumn('day', 'text', (c) => c.notNull()).addColumn('id', 'text', (c) => c.notNull()).addColumn('account_id', 'text', (c) => c.notNull()).addColumn('key_id', 'text', (c) => c.notNull())
      .addColumn('model', 'text', (c) => c.notNull()).addColumn('workload_id', int64).addColumn('region', 'text').addColumn('replica_id', 'text').addColumn('status', 'text', (c) => c.notNull())
      .addColumn('streamed', 'integer', (c) => c.notNull()).addColumn('estimated', 'integer', (c) => c.notNull()).addColumn('input_tokens', int64, (c) => c.notNull())
      .addColumn('cached_input_tokens', int64, (c) => c.notNull()).addColumn('output_tokens', int64, (c) => c.notNull()).addColumn('cost_nanos', int64, (c) => c.notNull())
      .addColumn('transfer_id', 'text').addColumn('attempts', 'integer', (c) => c.notNull()).addColumn('upstream_id', 'text').addColumn('started_at', int64, (c) => c.notNull())
      .addColumn('first_token_ms', int64).addColumn('duration_ms', int64, (c) => c.notNull()).addPrimaryKeyConstraint('usage_records_pk', ['day', 'id'])
      .addCheckConstraint('usage_not_negative', sql`cost_nanos >= 0 and input_tokens >= 0 and output_tokens >= 0`),

    table('idempotency_keys').addColumn('account_id', 'text', (c) => c.notNull()).addColumn('key', 'text', (c) => c.notNull()).addColumn('fingerprint', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull()).addColumn('status', 'integer').addColumn('body', 'text').addColumn('created_at', int64, (c) => c.notNull())
      .addPrimaryKeyConstraint('idempotency_keys_pk', ['account_id', 'key']),

    table('audit_log').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('account_id', 'text').addColumn('actor', 'text', (c) => c.notNull()).addColumn('action', 'text', (c) => c.notNull())
      .addColumn('target', 'text', (c) => c.notNull()).addColumn('detail', 'text', (c) => c.notNull()).addColumn('address', 'text').addColumn('at', int64, (c) => c.notNull()),
  ];
  for (const each of tables) await each.execute();

  for (const name of ['keys', 'catalog', 'workloads', 'replicas', 'balances'])
    await sql`insert into topics (name, seq) values (${name}, 0)`.execute(db);

  const index = (name: string, on: string, columns: string[]) =>
    db.schema.createIndex(name).on(on).columns(columns).execute();
  await db.schema
    .createIndex('models_name')
    .on('models')
    .columns(['account_id', 'name'])
    .unique()
    .where(sql.ref('removed_at'), 'is', null)
    .execute();
  await db.schema
    .createIndex('holds_one_open')
    .on('holds')
    .columns(['workload_id'])
    .unique()
    .where(sql.ref('status'), '=', sql.lit('open'))
    .execute();
  await index('api_keys_account', 'api_keys', ['account_id', 'created_at']);
  await index('api_keys_changed', 'api_keys', ['changed_seq']);
  await index('workloads_account', 'workloads', ['account_id', 'id']);
  await index('workloads_due', 'workloads', ['next_at']);
  await index('workloads_changed', 'workloads', ['changed_seq']);
  await index('replicas_workload', 'replicas', ['workload_id']);
  await index('replicas_changed', 'replicas', ['changed_seq']);
  await index('intervals_workload', 'replica_intervals', ['workload_id']);
  await index('events_workload', 'events', ['workload_id', 'id']);
  await index('transfers_account', 'transfers', ['account_id', 'seq']);
  await index('balances_changed', 'balances', ['changed_seq']);
  await index('idempotency_age', 'idempotency_keys', ['created_at']);
  await index('usage_account', 'usage_records', ['account_id', 'day']);
}
