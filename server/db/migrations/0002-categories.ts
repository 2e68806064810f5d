import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../open.ts';

const UNITS = ['images', 'audio_ms', 'characters', 'documents', 'video_ms'];

/** What every category needs: its units in usage, jobs of videos, and names that outlive instances. */
export async function categories(db: Kysely<unknown>, { int64, strict }: ColumnTypes): Promise<void> {
  for (const unit of UNITS)
    await db.schema
      .alterTable('usage_records')
      .addColumn(unit, int64, (c) => c.notNull().defaultTo(0))
      .execute();

  const table = (name: string) =>
    strict ? db.schema.createTable(name).modifyEnd(sql`strict`) : db.schema.createTable(name);
  // biome-ignore format: a table a paragraph reads better
  const tables: CreateTableBuilder<string, string>[] = [
    table('aliases').addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id')).addColumn('name', 'text', (c) => c.notNull())
      .addColumn('workload_id', int64, (c) => c.notNull().references('workloads.id')).addColumn('fingerprint', 'text').addColumn('updated_at', int64, (c) => c.notNull())
      .addColumn('removed_at', int64).addColumn('changed_seq', int64, (c) => c.notNull()).addPrimaryKeyConstraint('aliases_pk', ['account_id', 'name']),

    table('video_jobs').addColumn('id', 'text', (c) => c.primaryKey()).addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id'))
      .addColumn('key_id', 'text', (c) => c.notNull()).addColumn('model', 'text', (c) => c.notNull()).addColumn('workload_id', int64).addColumn('status', 'text', (c) => c.notNull())
      .addColumn('prices', 'text').addColumn('estimate_nanos', int64, (c) => c.notNull()).addColumn('replica_id', 'text').addColumn('region', 'text').addColumn('base_url', 'text')
      .addColumn('upstream_id', 'text').addColumn('upstream_url', 'text').addColumn('duration_ms', int64).addColumn('error_code', 'text').addColumn('error_message', 'text')
      .addColumn('created_at', int64, (c) => c.notNull()).addColumn('completed_at', int64).addColumn('expires_at', int64, (c) => c.notNull())
      .addColumn('lease_owner', 'text').addColumn('lease_expires_at', int64, (c) => c.notNull()).addColumn('next_at', int64),
  ];
  for (const each of tables) await each.execute();

  await sql`insert into topics (name, seq) values ('aliases', 0)`.execute(db);

  const index = (name: string, on: string, columns: string[]) =>
    db.schema.createIndex(name).on(on).columns(columns).execute();
  await index('aliases_changed', 'aliases', ['changed_seq']);
  await index('video_jobs_account', 'video_jobs', ['account_id', 'status']);
  await index('video_jobs_due', 'video_jobs', ['next_at']);
  await index('video_jobs_expiry', 'video_jobs', ['expires_at']);
}
