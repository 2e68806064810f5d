import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { pino } from 'pino';
import { type Backend, type CatalogCategory, CatalogEntry, type Prices } from '../sdk/contract/index.ts';
import { openKeyring } from '../server/accounts/keyring.ts';
import { makeKey } from '../server/accounts/secret-key.ts';
import { insertAccount, insertKey } from '../server/accounts/store.ts';
import { openWallets } from '../server/billing/wallets.ts';
import { savePlatformModel } from '../server/catalog/store.ts';
import { Config } from '../server/config.ts';
import { nextChange, startChanges } from '../server/db/changes.ts';
import type { Db } from '../server/db/open.ts';
import type { KeyRow } from '../server/db/schema.ts';
import type { Rhythm } from '../server/gateway/engines/watch.ts';
import { openGateway } from '../server/gateway/open.ts';
import { newId } from '../server/new-id.ts';
import { encodeSpec } from '../server/workloads/spec.ts';
import { type Dialect, openTestDatabase } from './databases.ts';

export const hashKey = (secret: string) => createHmac('sha256', 'pepper of the tests').update(secret).digest('hex');
export const PRICES: Prices = { input_per_1m: '1.00', output_per_1m: '2.00' };

/** A gateway on real sockets over a real database; engines are the test's. */
export async function startGateway(
  settings: Partial<Config['gateway']> = {},
  { dialect = 'sqlite', directory, rhythm }: { dialect?: Dialect; directory?: string; rhythm?: Rhythm } = {},
) {
  const scope = new AsyncDisposableStack();
  const journal = directory ?? mkdtempSync(join(tmpdir(), 'eco-journal-'));
  if (directory === undefined) scope.defer(() => rmSync(journal, { recursive: true, force: true }));
  const { db } = scope.use(await openTestDatabase(dialect));
  const log = pino({ level: process.env.LOG ?? 'silent' });
  const changes = scope.use(startChanges(db, (error) => log.error(error), 100));
  const keyring = await openKeyring({ db, changes, hashKey, clock: Date.now });
  const wallets = await openWallets({ db, changes });
  const config = Config.parse({ gateway: settings });
  const serverId = newId('srv');
  const parts = { log, clock: Date.now, serverId, db, changes };
  const gateway = scope.use(
    await openGateway({ ...parts, config, keyring, wallets, directory: journal, ...(rhythm && { rhythm }) }),
  );
  const server = http.createServer((request, response) => {
    if (gateway.handles(request.method ?? '', request.url ?? '')) gateway.handle(request, response);
    else response.writeHead(404).end('the control API');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const owned = scope.move();

  return {
    parts,
    db,
    url,
    gateway,
    changes,
    journal,
    serverId,
    client: (apiKey: string) => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 }),
    post: (apiKey: string, body: unknown, init: RequestInit = {}) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...init,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...init.headers },
      }),
    /** Posts to any endpoint: objects as JSON, all else as it is. */
    call: (apiKey: string, path: string, body: object, init: RequestInit = {}) => {
      const isRaw = body instanceof FormData || Buffer.isBuffer(body);
      return fetch(`${url}${path}`, {
        method: 'POST',
        body: isRaw ? (body as FormData) : JSON.stringify(body),
        ...init,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(!isRaw && { 'content-type': 'application/json' }),
          ...init.headers,
        },
      });
    },

    /** An account with credit and a key. */
    async account(dollars = 10, key: Partial<KeyRow> = {}) {
      const id = newId('acc');
      const secret = makeKey();
      await insertAccount(db, { id, name: 'test', is_system: 0, created_at: Date.now() });
      const row = await db.transaction().execute(async (trx) => {
        await setBalance(trx, id, dollars);
        return insertKey(trx, { ...keyRow(id, secret), ...key });
      });
      await changes.nudge('keys', 'balances');
      return { id, key: row, secret };
    },

    /** A platform model served by these engines, one replica each, in regions `r0`, `r1`… */
    async model(id: string, engines: readonly { address: string }[], options: ModelOptions = {}) {
      const owner = await db.selectFrom('accounts').select('id').executeTakeFirstOrThrow();
      const workload = await insertWorkload(db, { account_id: owner.id, name: 'backend', ...options });
      const replicas = await insertReplicas(db, workload.id, engines);
      const { prices = PRICES, aliases = [], category = 'chat' } = options;
      await saveModel(db, id, { prices, aliases, category }, [
        { type: 'workload', workload_id: workload.id, served_name: 'served' },
      ]);
      await changes.nudge('catalog', 'workloads', 'replicas');
      return { workload, replicas };
    },

    /** A platform model that an API elsewhere serves. */
    async upstreamModel(id: string, backend: { base_url: string; secret_env?: string }) {
      await saveModel(db, id, {}, [{ type: 'upstream', region: 'far', ...backend }]);
      await changes.nudge('catalog');
    },

    /** A platform model at an address of a network that exists nowhere (RFC 5737). */
    async unreachableModel(id: string) {
      await saveModel(db, id, {}, [{ type: 'upstream', region: 'away', base_url: 'http://192.0.2.1:9/v1' }]);
      await changes.nudge('catalog');
    },

    /** An instance of an account's own. */
    async instance(account_id: string, engines: readonly { address: string }[], options: WorkloadOptions = {}) {
      const workload = await insertWorkload(db, { account_id, name: 'mine', ...options });
      await insertReplicas(db, workload.id, engines);
      await changes.nudge('workloads', 'replicas');
      return { ref: `${workload.name}:${workload.id}`, ...workload };
    },

    async setReplica(id: string, state: string) {
      await db.transaction().execute(async (trx) => {
        const changed_seq = await nextChange(trx, 'replicas');
        await trx.updateTable('replicas').set({ state, changed_seq }).where('id', '=', id).execute();
      });
      await changes.nudge('replicas');
    },

    /** Usage, of one account or of all, as soon as there are `count` records. */
    async usage(count = 1, account_id?: string) {
      for (;;) {
        const all = await db.selectFrom('usage_records').selectAll().orderBy('id').execute();
        const rows = account_id === undefined ? all : all.filter((row) => row.account_id === account_id);
        if (rows.length >= count) return rows;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export async function setBalance(trx: Db, account_id: string, dollars: number) {
  const changed_seq = await nextChange(trx, 'balances');
  const amount_nanos = BigInt(Math.round(dollars * 1e9));
  await trx
    .insertInto('balances')
    .values({ ledger_account: `available:${account_id}`, amount_nanos, changed_seq })
    .onConflict((conflict) => conflict.column('ledger_account').doUpdateSet({ amount_nanos, changed_seq }))
    .execute();
}

const keyRow = (account_id: string, secret: string) => ({
  id: newId('key'),
  account_id,
  name: 'test',
  hash: hashKey(secret),
  last_four: secret.slice(-4),
  scopes: null,
  allowed_models: null,
  spend_cap_nanos: null,
  expires_at: null,
  created_at: Date.now(),
});

interface WorkloadOptions {
  name?: string;
  kind?: string;
  workloadCategory?: string;
  engine?: string;
  state?: string;
  message?: string;
  customApiPath?: string | null;
}
interface ModelOptions extends WorkloadOptions {
  prices?: Prices | null;
  aliases?: string[];
  category?: CatalogCategory;
}

function saveModel(db: Db, id: string, options: ModelOptions, backends: Backend[]) {
  const { prices = PRICES, aliases = [], category = 'chat' } = options;
  const entry = CatalogEntry.parse({ id, aliases, display_name: id, category, backends, ...(prices && { prices }) });
  return db.transaction().execute((trx) => savePlatformModel(trx, entry, Date.now()));
}

async function insertWorkload(db: Db, options: WorkloadOptions & { account_id: string; name: string }) {
  const {
    account_id,
    name,
    kind = 'inference_instance',
    engine = 'vllm',
    state = 'running',
    message = 'All replicas are ready.',
  } = options;
  return db.transaction().execute(async (trx) =>
    trx
      .insertInto('workloads')
      .values({
        uid: newId('uid'),
        account_id,
        kind,
        name,
        model_id: null,
        category: options.workloadCategory ?? 'chat',
        spec: encodeSpec({
          placements: [{ region: 'r0', price_nanos: 0n }],
          candidates: [],
          left: [],
          mounts: [],
          replicas: 1,
          gpu: { type: 'none', count: 1 },
          image: 'test',
          engine,
          command: null,
          args: [],
          env: {},
          port: null,
          health_path: '/health',
          custom_api_path: options.customApiPath ?? null,
          startup_seconds: 60,
        }),
        secrets_encrypted: null,
        desired: 'running',
        generation: 1,
        observed_generation: 1,
        state,
        reason: 'ready',
        message,
        hint: null,
        since: 0,
        revision: 1,
        memory: '{}',
        launch_key: null,
        created_at: Date.now(),
        started_at: null,
        ended_at: null,
        lease_owner: null,
        lease_token: null,
        lease_expires_at: 0,
        next_at: null,
        changed_seq: await nextChange(trx, 'workloads'),
      })
      .returning(['id', 'name'])
      .executeTakeFirstOrThrow(),
  );
}

async function insertReplicas(db: Db, workload_id: number, engines: readonly { address: string }[]) {
  const ids = engines.map((_, index) => `${workload_id}-r${index}`);
  await db.transaction().execute(async (trx) => {
    for (const [index, { address }] of engines.entries())
      await trx
        .insertInto('replicas')
        .values({
          id: ids[index] as string,
          workload_id,
          region: `r${index}`,
          node: null,
          state: 'ready',
          reason: 'ready',
          message: '',
          restarts: 0,
          pid: null,
          address,
          started_at: 0,
          ready_at: 0,
          ended_at: null,
          exit_code: null,
          changed_seq: await nextChange(trx, 'replicas'),
        })
        .execute();
  });
  return ids;
}
