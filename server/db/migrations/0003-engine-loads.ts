import { type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../open.ts';

/** Which server asks the engines of a region for their load, and what they told it last. */
export async function engineLoads(db: Kysely<unknown>, { int64, strict }: ColumnTypes): Promise<void> {
  const table = db.schema
    .createTable('engine_loads')
    .addColumn('region', 'text', (c) => c.primaryKey())
    .addColumn('lease_owner', 'text')
    .addColumn('lease_expires_at', int64, (c) => c.notNull())
    .addColumn('loads', 'text', (c) => c.notNull());
  await (strict ? table.modifyEnd(sql`strict`) : table).execute();
}
