import { join, resolve } from 'node:path';
import { type Keyring, openKeyring } from './accounts/keyring.ts';
import { openWallets, type Wallets } from './billing/wallets.ts';
import type { ClusterDriver } from './cluster/driver.ts';
import { type Config, databaseOf } from './config.ts';
import { type Changes, startChanges } from './db/changes.ts';
import { findInstallation } from './db/installation.ts';
import { type Db, openDatabase } from './db/open.ts';
import { releaseRegionsOf } from './gateway/engines/store.ts';
import { releaseAbandoned } from './idempotency.ts';
import { startIdempotencyPurge } from './idempotency-purge.ts';
import type { Log } from './log.ts';
import { newId } from './new-id.ts';
import { openRegions } from './regions/open-regions.ts';
import { openSecrets, type Secrets } from './secrets.ts';
import { succeed } from './succeed.ts';
import { releaseJobsOf } from './video/lease.ts';
import { releaseLeasesOf } from './workloads/reconcile/lease.ts';
import { type Reconciler, startReconciler } from './workloads/reconcile/reconcile.ts';

/** Everything a handler or a loop may use, made once in `openContext`. A part takes `Pick<Context, …>` of what it needs. */
export interface Context extends AsyncDisposable {
  config: Config;
  log: Log;
  clock: () => number;
  /** This process: leases, journals and idempotency keys name it. */
  serverId: string;
  /** This installation: names and labels in clusters carry it. */
  installation: string;
  secrets: Secrets;
  db: Db;
  changes: Changes;
  keyring: Keyring;
  wallets: Wallets;
  regions: ReadonlyMap<string, ClusterDriver>;
  reconciler: Reconciler;
  /** Takes over what the configuration says of regions now. */
  changeRegions(regions: Config['regions']): Promise<void>;
}

/** The composition root: what depends on nothing first. Disposing ends the parts in the opposite order. */
export async function openContext(config: Config, log: Log): Promise<Context> {
  const owned: AsyncDisposable[] = [];
  const own = <T extends AsyncDisposable>(part: T): T => {
    owned.unshift(part);
    return part;
  };
  const close = async () => {
    for (const part of owned.splice(0)) await part[Symbol.asyncDispose]();
  };

  try {
    const clock = Date.now;
    const serverId = newId('srv');
    const data = resolve(config.data);
    const secrets = openSecrets(join(data, 'secrets.json'));

    const database = own(await openDatabase(databaseOf(config)));
    const { db } = database;
    const installation = await findInstallation(db, clock());
    if (database.isExclusive) await releaseAbandoned(db);
    await succeed(join(data, 'server-id'), serverId, async (earlier) => {
      await releaseLeasesOf(db, earlier);
      await releaseJobsOf(db, earlier, clock());
      await releaseRegionsOf(db, earlier);
    });

    own(startIdempotencyPurge({ db, clock, log }));

    const changes = own(startChanges(db, (err) => log.error({ err }, 'changes cannot be followed')));
    const keyring = await openKeyring({ db, changes, hashKey: secrets.hashKey, clock });
    const wallets = await openWallets({ db, changes });

    const identity = secrets.hashKey(`installation ${installation}`);
    const opened = own(await openRegions({ config, installation, identity, log, clock }));
    const regions = opened.drivers;

    const base = { config, log, clock, serverId, installation, secrets, db, changes, keyring, wallets, regions };
    const reconciler = own(await startReconciler(base));
    opened.onOpened(reconciler.follow);
    return { ...base, reconciler, changeRegions: opened.change, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
