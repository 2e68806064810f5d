import { type Migration, Migrator } from 'kysely/migration';
import type { ColumnTypes, Db } from '../open.ts';
import { start } from './0001-start.ts';
import { categories } from './0002-categories.ts';
import { engineLoads } from './0003-engine-loads.ts';

/** Runs what is missing, one server at a time. */
export async function migrate(db: Db, types: ColumnTypes): Promise<void> {
  const migrations: Record<string, Migration> = {
    '0001-start': { up: (db) => start(db, types) },
    '0002-categories': { up: (db) => categories(db, types) },
    '0003-engine-loads': { up: (db) => engineLoads(db, types) },
  };
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
