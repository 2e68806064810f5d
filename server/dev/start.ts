import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Eco, EcoError } from '../../sdk/index.ts';
import { SYSTEM } from '../accounts/audit-log.ts';
import { openAccount } from '../accounts/open-account.ts';
import { findSystemAccount } from '../accounts/store.ts';
import { findDevices } from '../cluster/local/nvidia.ts';
import { Config } from '../config.ts';
import type { Db } from '../db/open.ts';
import { openLog } from '../log.ts';
import { type Server, startServer } from '../serve.ts';
import { platformCatalog } from './catalog.ts';
import { type DevKeys, readDevKeys, writeDevKeys } from './keys.ts';
import { describeGpus, planDevRegions } from './regions.ts';

export interface Dev extends DevKeys, AsyncDisposable {
  url: string;
  regions: string[];
}

export interface DevOptions {
  data: string;
  port: number;
  logLevel: 'error' | 'info' | 'debug' | 'silent';
  onProgress(message: string): void;
}

const CREDIT = '500.00';
const PLATFORM_READY_TIMEOUT_MS = 60_000;
const PLATFORM_POLL_MS = 50;

const Running = z.object({ pid: z.int(), url: z.string() });

/**
 * The whole product on this machine: a server, two local regions with its GPUs and simulated ones, an account with
 * credit and a key, and the starter catalogue served by the simulator. What it made at its first start it finds at the next.
 */
export async function startDev({ data, port, logLevel, onProgress }: DevOptions): Promise<Dev> {
  const found = await findDevices();
  const regions = planDevRegions(found);
  onProgress(describeGpus(regions, found));
  const config = Config.parse({
    listen: `127.0.0.1:${port}`,
    data: resolve(data),
    log_level: logLevel,
    local_replicas: 'end',
    drain_ms: 1_000,
    regions,
  });
  const running = join(config.data, 'running.json');
  const server = await startServer(config, openLog(config.log_level)).catch((error) => {
    throw namingTheOther(error, config.data, running);
  });
  try {
    writeFileSync(running, `${JSON.stringify({ pid: process.pid, url: server.url })}\n`);
    onProgress(`Server on ${server.url}, data in ${config.data}`);
    const keys = await openDevKeys(server, join(config.data, 'dev.json'));
    await servePlatformModels(server, keys, onProgress);
    return {
      url: server.url,
      ...keys,
      regions: config.regions.map(({ name }) => name),
      async [Symbol.asyncDispose]() {
        await server.drain();
        rmSync(running, { force: true });
      },
    };
  } catch (error) {
    await server.drain();
    throw error;
  }
}

/** A data folder has one server; which one it is stands in the folder. */
function namingTheOther(error: unknown, data: string, running: string): unknown {
  if (!(error instanceof EcoError) || error.code !== 'conflict' || !existsSync(running)) return error;
  const { pid, url } = Running.parse(JSON.parse(readFileSync(running, 'utf8')));
  const message = `${url} (process ${pid}) runs on ${data} already. Use it, end it, or give this one a folder of its own.`;
  return new EcoError('conflict', message, { cause: error, hint: 'eco dev --port 0 --data ./another' });
}

/** The keys of an earlier start, or a new account with credit. */
async function openDevKeys(server: Server, path: string): Promise<DevKeys> {
  const kept = readDevKeys(path);
  if (kept) return kept;
  const admin_key = server.context.secrets.newAdminKey;
  if (admin_key === undefined)
    throw new Error(
      `${path} is missing, and with it the keys of this data folder. Start with another --data, or remove the folder.`,
    );
  const { admin } = new Eco({ apiKey: admin_key, baseUrl: server.url });
  const account = await admin.createAccount({ name: 'dev' });
  await admin.credit({
    account_id: account.id,
    amount: CREDIT,
    kind: 'bonus',
    description: 'Credit to try things out',
    reference: randomUUID(),
  });
  return writeDevKeys(path, { admin_key, api_key: account.secret, account_id: account.id });
}

/** One simulator in each region, an instance of the system account, answers for the whole catalogue. */
async function servePlatformModels(
  server: Server,
  { admin_key }: DevKeys,
  onProgress: DevOptions['onProgress'],
): Promise<void> {
  const system = await findSystemAccount(server.context.db);
  if (system) return untilRunning(server.context.db, system.id);
  const { secret } = await openAccount(server.context, { name: 'platform', actor: SYSTEM, isSystem: true });
  const platform = new Eco({ apiKey: secret, baseUrl: server.url });
  await platform.models.register({ name: 'platform', category: 'chat', source: { type: 'image' } });
  const instance = await platform.instances.launch({
    model: 'platform',
    image: 'ecolink/sim',
    args: ['--mode', 'seeded', '--ttft', '60ms', '--itl', '15ms'],
  });
  const { admin } = new Eco({ apiKey: admin_key, baseUrl: server.url });
  await admin.importModels({ models: platformCatalog(instance.id) });
  onProgress('Platform models are served by the simulator');
  await platform.instances.waitUntilRunning(instance.id, { timeoutMs: PLATFORM_READY_TIMEOUT_MS });
}

/** On a later start the instances of the catalogue come back by themselves. */
async function untilRunning(db: Db, account_id: string): Promise<void> {
  const deadline = Date.now() + PLATFORM_READY_TIMEOUT_MS;
  const isLate = () =>
    db
      .selectFrom('workloads')
      .select('id')
      .where('account_id', '=', account_id)
      .where('desired', '=', 'running')
      .where('state', '!=', 'running')
      .executeTakeFirst();
  while ((await isLate()) && Date.now() < deadline) await sleep(PLATFORM_POLL_MS);
}
