import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Eco } from '../sdk/index.ts';
import { Config } from '../server/config.ts';
import { openLog } from '../server/log.ts';
import { type Server, startServer } from '../server/serve.ts';
import { type Dialect, makeDatabase } from './databases.ts';

export interface TestEco extends AsyncDisposable {
  server: Server;
  url: string;
  adminKey: string;
  admin: Eco;
  /** Of an account with 1,000 dollars. */
  eco: Eco;
  apiKey: string;
  accountId: string;
  /** Another account with a key and as much money. */
  newAccount(name?: string): Promise<{ eco: Eco; apiKey: string; accountId: string }>;
}

const GPUS = [
  { type: 'h100', count: 8, price_per_hour: '3.20' },
  { type: 'l4', count: 8, price_per_hour: '0.80' },
];

/** The real server on a free port with two local regions; what it started and wrote is gone with the test. */
export async function startEco(dialect: Dialect = 'sqlite', settings: Record<string, unknown> = {}): Promise<TestEco> {
  const data = mkdtempSync(join(tmpdir(), 'eco-test-'));
  const database = await makeDatabase(dialect);
  const config = Config.parse({
    listen: '127.0.0.1:0',
    data,
    database: database.url,
    log_level: process.env.ECO_TEST_LOG ?? 'silent',
    local_replicas: 'end',
    drain_ms: 2_000,
    regions: ['local-a', 'local-b'].map((name) => ({ name, kind: 'local', gpus: GPUS })),
    ...settings,
  });
  const server = await startServer(config, openLog(config.log_level));
  const adminKey = String(server.context.secrets.newAdminKey);
  const admin = new Eco({ apiKey: adminKey, baseUrl: server.url });
  const newAccount = async (name = 'another') => {
    const { id, secret } = await admin.admin.createAccount({ name });
    await admin.admin.credit({ account_id: id, amount: '1000.00' });
    return { eco: new Eco({ apiKey: secret, baseUrl: server.url }), apiKey: secret, accountId: id };
  };
  return {
    server,
    url: server.url,
    adminKey,
    admin,
    ...(await newAccount('test')),
    newAccount,
    async [Symbol.asyncDispose]() {
      await server.drain();
      await database.remove();
      rmSync(data, { recursive: true, force: true });
    },
  };
}
