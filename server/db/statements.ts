import type { SqliteDatabase, SqliteStatement } from 'kysely';

const STATEMENTS_MAX = 300;

/** Prepares each statement once: for a batch of usage, preparing costs as much as running. Not for `stream()`, which would keep one busy. */
export function withStatementCache(database: SqliteDatabase): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    prepare(sql) {
      const known = statements.get(sql);
      if (known) return known;
      if (statements.size >= STATEMENTS_MAX) statements.clear();
      const statement = database.prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
    close: () => database.close(),
  };
}
