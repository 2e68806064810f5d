import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Eco } from '../../sdk/index.ts';
import { Config } from '../../server/config.ts';
import { openLog } from '../../server/log.ts';
import { type Server, startServer } from '../../server/serve.ts';
import { makeInstallation, type ServerProcess } from '../crash/server-process.ts';
import { type Dialect, makeDatabase } from '../databases.ts';
import { type Api, ApiFailure } from './api.ts';
import type { KubeRegion } from './harness.ts';
import { type KubeProxy, openKubeProxy } from './proxy.ts';
import { regionConfig } from './start-kube-eco.ts';

/** A server of its own process, not started yet, with one region, whose API server it reaches through a proxy. */
export interface Killable extends AsyncDisposable {
  dialect: Dialect;
  proxy: KubeProxy;
  admin: Eco;
  /** Unless it runs. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** The same installation inside this process, to look into it; the other has to be dead. */
  open(): Promise<Server>;
  /** An account with money and the model `m`, whose weights are on a filesystem. */
  newTenant(): Promise<Tenant>;
}

export interface Tenant {
  eco: Eco;
  /** Its own, which is not there before its first launch. */
  namespace: string;
}

const MODEL = { name: 'm', source: { type: 'filesystem', filesystem: 'shared', path: '/shared/m' } } as const;

export async function openKillable(region: KubeRegion, storage_class: string, dialect: Dialect): Promise<Killable> {
  const directory = mkdtempSync(join(tmpdir(), 'eco-kube-crash-'));
  const database = await makeDatabase(dialect);
  const proxy = await openKubeProxy(region);
  const filesystems = [{ name: 'shared', mount: '/shared', size_gib: 1, storage_class }];
  const { url, adminKey, ...installation } = await makeInstallation(directory, database.url, [
    regionConfig(proxy.region, { filesystems }),
  ]);
  const namespaces: string[] = [];
  let running: ServerProcess | undefined;
  const admin = new Eco({ apiKey: adminKey, baseUrl: url });

  return {
    dialect,
    proxy,
    admin,
    async start() {
      proxy.way = {};
      running ??= await installation.start();
    },
    async kill() {
      await running?.kill();
      running = undefined;
    },
    open: () => {
      const config = JSON.parse(readFileSync(join(directory, 'ecolink.yaml'), 'utf8'));
      return startServer(Config.parse({ ...config, log_level: 'silent' }), openLog('silent'));
    },
    async newTenant() {
      const { id, secret } = await admin.admin.createAccount({ name: 'crash' });
      await admin.admin.credit({ account_id: id, amount: '1000.00' });
      const eco = new Eco({ apiKey: secret, baseUrl: url });
      await eco.models.register(MODEL);
      const namespace = `eco-${id.toLowerCase().replaceAll('_', '-')}`;
      namespaces.push(namespace);
      return { eco, namespace };
    },
    async [Symbol.asyncDispose]() {
      await running?.kill();
      await Promise.all(
        namespaces.map((name) => region.api('DELETE', `/api/v1/namespaces/${name}`).catch(ignoreMissing)),
      );
      await proxy[Symbol.asyncDispose]();
      await database.remove();
      rmSync(directory, { recursive: true });
    },
  };
}

/** A launch that died early has none. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
}

/** Volumes of a class of their own, each for one claim. */
export async function makeVolumes(api: Api, count: number): Promise<{ storageClass: string } & AsyncDisposable> {
  const storageClass = `crash-${randomBytes(4).toString('hex')}`;
  const names = Array.from({ length: count }, (_, index) => `${storageClass}-${index}`);
  const path = '/api/v1/persistentvolumes';
  const volume = (name: string) => ({
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteMany'],
      storageClassName: storageClass,
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: tmpdir() },
    },
  });
  await Promise.all(names.map((name) => api('POST', path, volume(name))));
  return {
    storageClass,
    async [Symbol.asyncDispose]() {
      await Promise.all(names.map((name) => api('DELETE', `${path}/${name}`)));
    },
  };
}
