import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  HandleEmptyInListsPlugin,
  Kysely,
  type KyselyPlugin,
  PostgresDialect,
  replaceWithNoncontingentExpression,
  SqliteDialect,
} from 'kysely';
import { EcoError } from '../../sdk/contract/index.ts';
import { migrate } from './migrations/index.ts';
import type { Schema } from './schema.ts';
import { withStatementCache } from './statements.ts';

/** A database or a transaction in it: stores take whichever the caller has. */
export type Db = Kysely<Schema>;

/** How the two databases spell the same column. Only this file and the migrations know. */
export interface ColumnTypes {
  int64: 'integer' | 'bigint';
  strict: boolean;
}

export interface Database extends AsyncDisposable {
  db: Db;
  /** No other process can have it open: what an earlier one left half-done is nobody's any more. */
  isExclusive: boolean;
}

/**
 * Opens `postgres://…` or a SQLite file and brings its schema up to date. A SQLite file belongs to one process
 * at a time: a second one is refused here.
 */
export async function openDatabase(url: string): Promise<Database> {
  const kind = /^postgres(ql)?:/.test(url) ? 'postgres' : 'sqlite';
  const db = kind === 'postgres' ? await openPostgres(url) : await openSqlite(url.replace(/^sqlite:/, ''));
  const types: ColumnTypes =
    kind === 'postgres' ? { int64: 'bigint', strict: false } : { int64: 'integer', strict: true };
  try {
    await migrate(db, types);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, isExclusive: kind === 'sqlite', [Symbol.asyncDispose]: () => db.destroy() };
}

async function openSqlite(path: string): Promise<Db> {
  const { default: SQLite } = await import('better-sqlite3');
  mkdirSync(dirname(path), { recursive: true });
  const database = new SQLite(path, { timeout: 500 });
  database.defaultSafeIntegers(true);
  try {
    for (const pragma of [
      'locking_mode = EXCLUSIVE',
      'journal_mode = WAL',
      'synchronous = NORMAL',
      'foreign_keys = ON',
      'cache_size = -65536',
      'wal_autocheckpoint = 10000',
    ])
      database.pragma(pragma);
    database.exec('begin immediate; commit');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new EcoError(
      'conflict',
      `Another server has ${path} open. A SQLite file takes one server: stop the other, or use Postgres for several.`,
      { cause: error },
    );
  }
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: withStatementCache(database) }), plugins });
}

const POOL_CONNECTIONS_MAX = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const INT8_OID = 20;

async function openPostgres(connectionString: string): Promise<Db> {
  const { default: pg } = await import('pg');
  const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID ? BigInt : pg.types.getTypeParser(oid, format as 'text');
  const pool = new pg.Pool({
    connectionString,
    max: POOL_CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types: { getTypeParser: getTypeParser as typeof pg.types.getTypeParser },
  });
  pool.on('error', () => {}); // an idle connection died; the next query opens another and reports for itself
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }), plugins });
}

/** Only `*_nanos` stays bigint; every other integer becomes a number or throws. */
const numbers: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  async transformResult({ result }) {
    for (const row of result.rows) {
      for (const name in row) {
        const value = row[name];
        if (typeof value !== 'bigint' || name.endsWith('_nanos')) continue;
        if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
          throw new RangeError(`${name} is too large`);
        row[name] = Number(value);
      }
    }
    return result;
  },
};
const plugins = [numbers, new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })];

const hasCode = (error: unknown, ...codes: string[]) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);

export const isUniqueViolation = (error: unknown) =>
  hasCode(error, 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', '23505');
const isBusy = (error: unknown) => hasCode(error, 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_BUSY_RECOVERY');
