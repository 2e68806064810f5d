import { join, resolve } from 'node:path';
import type { ClusterDriver } from '../cluster/driver.ts';
import { KubeconfigError } from '../cluster/kubernetes/client/kubeconfig-error.ts';
import { findGpus } from '../cluster/local/find-gpus.ts';
import type { LocalRegion } from '../cluster/local/region.ts';
import { type Config, ConfigError, type LocalRegionConfig, type RegionConfig } from '../config.ts';
import type { Log } from '../log.ts';

export interface RegionsOptions {
  config: Config;
  installation: string;
  /** Of this installation, from a secret outside the database. */
  identity: string;
  log: Log;
  clock: () => number;
}

/** What runs replicas, by the name of its region. The map changes when the configuration does. */
export interface Regions extends AsyncDisposable {
  readonly drivers: ReadonlyMap<string, ClusterDriver>;
  /**
   * Opens what is new or different, closes what is gone; replicas go on. All of it, or it throws and changes nothing.
   * Local regions stay as they are until a restart.
   */
  change(regions: Config['regions']): Promise<void>;
  /** Called with every driver that is opened later. */
  onOpened(listener: (driver: ClusterDriver) => void): void;
}

export async function openRegions(options: RegionsOptions): Promise<Regions> {
  const { config, log } = options;
  const drivers = new Map<string, ClusterDriver>();
  const configs = new Map<string, string>();
  const listeners: ((driver: ClusterDriver) => void)[] = [];
  const add = (region: RegionConfig, driver: ClusterDriver) => {
    drivers.set(region.name, driver);
    configs.set(region.name, JSON.stringify(region));
    for (const listener of listeners) listener(driver);
  };
  const local: LocalRegion[] = [];
  const closeAll = async () => {
    if (config.local_replicas === 'end') await Promise.all(local.map((region) => region.stopAll()));
    for (const [name, driver] of [...drivers].toReversed()) {
      drivers.delete(name);
      await driver[Symbol.asyncDispose]();
    }
  };

  try {
    await openLocal(options, (region, driver) => {
      local.push(driver);
      add(region, driver);
    });
    for (const [region, driver] of await openAll(config.regions.filter(isKubernetes), options)) add(region, driver);
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    drivers,
    async change(regions) {
      const wanted = regions.filter(isKubernetes);
      const different = wanted.filter((region) => configs.get(region.name) !== JSON.stringify(region));
      const opened = await openAll(different, options);
      for (const [region, driver] of opened) {
        const before = drivers.get(region.name);
        add(region, driver);
        await before?.[Symbol.asyncDispose]();
        log.info({ region: region.name }, before ? 'region changed' : 'region added');
      }
      const isGone = ({ region, kind }: ClusterDriver) =>
        kind === 'kubernetes' && !wanted.some(({ name }) => name === region);
      for (const driver of [...drivers.values()].filter(isGone)) {
        drivers.delete(driver.region);
        configs.delete(driver.region);
        await driver[Symbol.asyncDispose]();
        log.warn(
          { region: driver.region },
          'region removed from the configuration; what runs there goes on and cannot be reached',
        );
      }
    },
    onOpened: (listener) => void listeners.push(listener),
    [Symbol.asyncDispose]: closeAll,
  };
}

/** Tells of each as soon as it is open: what has been opened must be closed when another cannot be. */
async function openLocal(
  { config, installation, log, clock }: RegionsOptions,
  opened: (region: RegionConfig, driver: LocalRegion) => void,
): Promise<void> {
  const local = config.regions.filter((region) => region.kind === 'local');
  if (local.length === 0) return;
  const { openLocalRegion } = await import('../cluster/local/region.ts');
  for (const [name, gpus] of await findGpus(local, log)) {
    const region = local.find((each) => each.name === name) as LocalRegionConfig;
    const directory = join(resolve(config.data), 'regions', name);
    const { filesystems } = region;
    opened(region, await openLocalRegion({ name, gpus, filesystems, directory, installation, log, clock }));
  }
}

type Kubernetes = Extract<RegionConfig, { kind: 'kubernetes' }>;
const isKubernetes = (region: RegionConfig): region is Kubernetes => region.kind === 'kubernetes';

/** All at once, as one that does not answer takes its time; all of them, or none. */
async function openAll(
  regions: readonly Kubernetes[],
  options: RegionsOptions,
): Promise<[Kubernetes, ClusterDriver][]> {
  const results = await Promise.allSettled(
    regions.map(
      async (region): Promise<[Kubernetes, ClusterDriver]> => [region, await openKubernetes(region, options)],
    ),
  );
  const failed = results.find((result) => result.status === 'rejected');
  const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!failed) return opened;
  for (const [, driver] of opened) await driver[Symbol.asyncDispose]();
  throw failed.reason;
}

/** Throws a `ConfigError` where its kubeconfig or context is not there; a cluster that is away is no reason not to open. */
async function openKubernetes(
  region: Kubernetes,
  { installation, identity, log, clock }: RegionsOptions,
): Promise<ClusterDriver> {
  const [{ openKubernetesRegion }, { siteOf, sourceOf }] = await Promise.all([
    import('../cluster/kubernetes/region.ts'),
    import('../cluster/kubernetes/config.ts'),
  ]);
  const { name } = region;
  const site = siteOf(region, installation);
  const options = { name, source: sourceOf(region), site, identity, log, clock };
  return openKubernetesRegion(options).catch((cause) => {
    if (!(cause instanceof KubeconfigError)) throw cause;
    throw new ConfigError(`region ${name}: ${cause.field}: ${cause.message}`, { cause });
  });
}
