import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type Database, openDatabase } from '../server/db/open.ts';

export type Dialect = 'sqlite' | 'postgres';

const postgresBinaries = findPostgres();

/** SQLite always; Postgres where its binaries are. `DIALECTS=sqlite` narrows it while working. */
export const DIALECTS: readonly Dialect[] = (process.env.DIALECTS?.split(',') as Dialect[] | undefined) ?? [
  'sqlite',
  ...(postgresBinaries ? (['postgres'] as const) : []),
];
if (!DIALECTS.includes('postgres'))
  process.stderr.write('# Postgres is left out: its binaries (initdb, postgres) are not on this machine.\n');

export interface TestDatabase extends Database {
  url: string;
}

/** A fresh, migrated database, gone with the test. */
export async function openTestDatabase(dialect: Dialect): Promise<TestDatabase> {
  const { url, remove } = await makeDatabase(dialect);
  const database = await openDatabase(url);
  return {
    ...database,
    url,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await remove();
    },
  };
}

/** The URL of an empty database, for tests that start whole servers on it. */
export async function makeDatabase(dialect: Dialect): Promise<{ url: string; remove(): Promise<void> }> {
  if (dialect === 'postgres') return createDatabase(await postgresPort());
  const directory = mkdtempSync(join(tmpdir(), 'eco-db-'));
  return { url: join(directory, 'eco.db'), remove: async () => rmSync(directory, { recursive: true, force: true }) };
}

/** Where `test/global-setup.ts` says which Postgres all files of a run share. */
export const SHARED_POSTGRES_PORT = 'ECO_TEST_POSTGRES_PORT';

interface Postgres extends AsyncDisposable {
  port: number;
}

let running: Promise<Postgres> | undefined;
after(async () => (await running)?.[Symbol.asyncDispose]());

/** The run's own Postgres; a file that is run by itself starts one. */
async function postgresPort(): Promise<number> {
  const shared = Number(process.env[SHARED_POSTGRES_PORT]);
  if (shared > 0) return shared;
  running ??= startPostgres();
  return (await running).port;
}

async function createDatabase(port: number): Promise<{ url: string; remove(): Promise<void> }> {
  const name = `eco_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(port, `create database ${name}`);
  const remove = () => asAdmin(port, `drop database if exists ${name} with (force)`);
  return { url: `postgres://eco@127.0.0.1:${port}/${name}`, remove };
}

async function asAdmin(port: number, sql: string): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'eco', database: 'postgres' });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const SYSTEM_USERS = ['postgres', 'nobody'];

/** A throw-away server. */
export async function startPostgres(): Promise<Postgres> {
  if (!postgresBinaries) throw new Error('Postgres is not on this machine');
  const directory = mkdtempSync(join(tmpdir(), 'eco-pg-'));
  const ids = userInfo().uid === 0 ? systemUser() : undefined;
  if (ids) execFileSync('chown', [`${ids.uid}:${ids.gid}`, directory]);
  const data = join(directory, 'data');
  execFileSync(join(postgresBinaries, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'eco', '--no-sync', '-E', 'UTF8'], {
    ...ids,
    cwd: directory,
    stdio: 'ignore',
  });
  const port = await freePort();
  const settings = [
    'fsync=off',
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=32MB',
  ];
  const server = spawn(
    join(postgresBinaries, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((s) => ['-c', s])],
    { ...ids, cwd: directory, stdio: 'ignore' },
  );
  await listening(port, server);

  return { port, [Symbol.asyncDispose]: () => stop(server, directory) };
}

/** A server that has just started may sleep on a minute before it hears of its end. */
const STOP_AGAIN_MS = 2_000;

async function stop(server: ChildProcess, directory: string) {
  const ended = server.exitCode === null ? new Promise((resolve) => server.once('exit', resolve)) : undefined;
  server.kill('SIGINT');
  const again = setTimeout(() => server.kill('SIGQUIT'), STOP_AGAIN_MS);
  await ended;
  clearTimeout(again);
  rmSync(directory, { recursive: true, force: true });
}

/** Postgres refuses to run as root. */
function systemUser(): { uid: number; gid: number } {
  for (const name of SYSTEM_USERS) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // not on this machine; the next one may be
    }
  }
  throw new Error(`None of the users ${SYSTEM_USERS.join(', ')} exists to run Postgres as.`);
}

function findPostgres(): string | undefined {
  const root = '/usr/lib/postgresql';
  const debian = existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : [];
  const path = (process.env.PATH ?? '').split(':');
  return [...debian.toReversed(), ...path].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const START_TIMEOUT_MS = 30_000;

async function listening(port: number, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && server.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.unref();
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('Postgres did not start');
}
