import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EcoError,
  type Endpoint,
  type Input,
  type Output,
  parseMoney,
  pathFields,
  EcoError as Refusal,
} from '../sdk/contract/index.ts';
import { SYSTEM } from '../server/accounts/audit-log.ts';
import { openKeyring } from '../server/accounts/keyring.ts';
import { openAccount } from '../server/accounts/open-account.ts';
import { createApp } from '../server/app.ts';
import { creditOnce } from '../server/billing/credit.ts';
import { openWallets } from '../server/billing/wallets.ts';
import { Config } from '../server/config.ts';
import type { Context } from '../server/context.ts';
import { startChanges } from '../server/db/changes.ts';
import { openLog } from '../server/log.ts';
import { insertModel } from '../server/models/store.ts';
import { newId } from '../server/new-id.ts';
import { openSecrets } from '../server/secrets.ts';
import { startReconciler } from '../server/workloads/reconcile/reconcile.ts';
import { type Dialect, openTestDatabase } from './databases.ts';
import { type FakeCluster, type FakeSettings, openFakeCluster } from './fakes/cluster.ts';

export interface Tenant {
  accountId: string;
  keyId: string;
  /** Calls an endpoint through the real app; throws the refusal. */
  call<E extends Endpoint>(endpoint: E, input: Input<E>, headers?: Record<string, string>): Promise<Output<E>>;
  /** The answer as it comes, for lines. */
  open(endpoint: Endpoint, input: Record<string, unknown>, signal?: AbortSignal): Promise<Response>;
  addModel(name: string, source?: unknown, token?: string): Promise<string>;
}

export interface WorkloadBench extends AsyncDisposable, Tenant {
  context: Context;
  a: FakeCluster;
  b: FakeCluster;
  /** Moves the server's clock. */
  forward(ms: number): void;
  newTenant(credit: string, options?: { isSystem?: boolean }): Promise<Tenant>;
}

export interface BenchSettings {
  credit?: string;
  regions?: Partial<FakeSettings>[];
  /** Without it no pass runs: the test looks at what routes wrote. */
  reconciles?: boolean;
}

const TWO_REGIONS = [{ region: 'local-a' }, { region: 'local-b' }];

/** The real app, store, ledger and loop over two regions in memory, and an account with money and a model `my-llama`. */
export async function openWorkloadBench(dialect: Dialect, settings: BenchSettings = {}): Promise<WorkloadBench> {
  const { credit = '1000.00', regions: wanted = TWO_REGIONS, reconciles = true } = settings;
  const directory = mkdtempSync(join(tmpdir(), 'eco-bench-'));
  const database = await openTestDatabase(dialect);
  const { db } = database;
  let offset = 0;
  const clock = () => Date.now() + offset;
  const forward = (ms: number) => {
    offset += ms;
  };
  const log = openLog(process.env.ECO_TEST_LOG ?? 'silent');
  const secrets = openSecrets(join(directory, 'secrets.json'), {});
  const changes = startChanges(db, (err) => log.error({ err }, 'changes'), 50);
  const keyring = await openKeyring({ db, changes, hashKey: secrets.hashKey, clock });
  const wallets = await openWallets({ db, changes });
  const clusters = wanted.map((region) => openFakeCluster({ region: 'local-a', clock, ...region }));
  const regions = new Map(clusters.map((cluster) => [cluster.region, cluster]));
  const base = {
    config: Config.parse({}),
    log,
    clock,
    serverId: newId('srv'),
    installation: 'test',
    secrets,
    db,
    changes,
    keyring,
    wallets,
    regions,
  };
  const reconciler = reconciles
    ? await startReconciler(base)
    : { nudge() {}, follow() {}, async [Symbol.asyncDispose]() {} };
  const close = async () => {
    await reconciler[Symbol.asyncDispose]();
    await changes[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  };
  const context: Context = { ...base, reconciler, changeRegions: async () => {}, [Symbol.asyncDispose]: close };
  const app = createApp(context, () => false);

  const newTenant = async (amount: string, { isSystem = false } = {}): Promise<Tenant> => {
    const { account, key, secret } = await openAccount(context, { name: 'tenant', actor: SYSTEM, isSystem });
    if (parseMoney(amount) > 0n)
      await db.transaction().execute((trx) =>
        creditOnce(trx, {
          account_id: account.id,
          amount_nanos: parseMoney(amount),
          kind: 'topup',
          description: 'Top-up',
          reference: undefined,
          actor: SYSTEM,
          now: clock(),
        }),
      );
    const open: Tenant['open'] = async (endpoint, input, signal) =>
      app.request(requestOf(endpoint, input, { secret, signal }));
    const tenant: Tenant = {
      accountId: account.id,
      keyId: key.id,
      open,
      async call(endpoint, input, headers = {}) {
        const response = await app.request(requestOf(endpoint, input as Record<string, unknown>, { secret, headers }));
        const body = await response.json();
        if (!response.ok) throw refusalOf(body as Envelope, response.status);
        return body as Output<typeof endpoint>;
      },
      async addModel(name, source = { type: 'huggingface', repo: 'meta/llama', revision: 'main' }, token) {
        const token_encrypted = token === undefined ? null : secrets.encrypt(token);
        const row = { account_id: account.id, name, category: 'chat', source: JSON.stringify(source), token_encrypted };
        return (await insertModel(db, { ...row, id: newId('mdl'), created_at: clock(), removed_at: null })).id;
      },
    };
    return tenant;
  };

  const tenant = await newTenant(credit);
  await tenant.addModel('my-llama');
  const [a, b = a] = clusters;
  if (!a || !b) throw new Error('a bench has a region');
  return { ...tenant, context, a, b, forward, newTenant, [Symbol.asyncDispose]: close };
}

interface Sent {
  secret: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

function requestOf(
  { method, path }: Endpoint,
  input: Record<string, unknown>,
  { secret, headers, signal }: Sent,
): Request {
  const inPath = pathFields(path);
  const rest = Object.entries(input).filter(([name, value]) => !inPath.includes(name) && value !== undefined);
  const where = inPath.reduce(
    (url, name) => url.replace(`{${name}}`, encodeURIComponent(String(input[name]))),
    path as string,
  );
  const url = new URL(where, 'http://eco.test');
  if (method === 'GET') for (const [name, value] of rest) url.searchParams.set(name, String(value));
  const body = method === 'POST' ? JSON.stringify(Object.fromEntries(rest)) : null;
  return new Request(url, {
    method,
    body,
    signal: signal ?? null,
    headers: { authorization: `Bearer ${secret}`, ...headers },
  });
}

interface Envelope {
  error: { code: string; message: string; param: string | null; hint?: string };
}

function refusalOf({ error: { code, message, param, hint } }: Envelope, status: number): EcoError {
  return new Refusal(code, message, { status, hint, param: param ?? undefined });
}
