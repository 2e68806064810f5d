import { DIALECTS, SHARED_POSTGRES_PORT, startPostgres } from './databases.ts';

let postgres: Awaited<ReturnType<typeof startPostgres>> | undefined;

/** Run once before all test files: they share one Postgres, each test with a database of its own. */
export async function globalSetup(): Promise<void> {
  if (!DIALECTS.includes('postgres')) return;
  postgres = await startPostgres();
  process.env[SHARED_POSTGRES_PORT] = String(postgres.port);
}

export async function globalTeardown(): Promise<void> {
  await postgres?.[Symbol.asyncDispose]();
}
