import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../until.ts';
import { type Api, apiOf } from './api.ts';
import type { RigOptions } from './options.ts';
import { openOtherClusters } from './other-clusters.ts';
import { RegionRig } from './region-rig.ts';
import { down, up } from './rig.ts';
import { recoverRig, SHARED_RIG, TEST_OPTIONS } from './shared-rig.ts';
import type { RigState } from './state.ts';
import { otherKubeconfigs } from './why-no-kube.ts';

export { whyNoKube, whyNoRig } from './why-no-kube.ts';

export interface KubeRegion {
  name: string;
  /** Path of an administrator's kubeconfig. */
  kubeconfig: string;
  /** As administrator, without any code of ours. */
  api: Api;
  /** Names. */
  nodes: readonly string[];
  /** Throws where the cluster is not of the rig: its tests have `skip: whyNoRig()`. */
  rig: RegionRig;
}

export interface Kube extends AsyncDisposable {
  regions: readonly [KubeRegion, KubeRegion, ...KubeRegion[]];
  /** A namespace that goes with the test; ready for pods. */
  newNamespace(region: KubeRegion): Promise<string>;
}

/**
 * Kubernetes for a test file: two regions. Without options the rig that all files of the run share, or the clusters of
 * `ECO_TEST_KUBECONFIGS`; with options always a rig of its own. It dies with this process, also by `kill -9`.
 */
export async function startKube(options?: Partial<RigOptions>): Promise<Kube> {
  if (options === undefined && otherKubeconfigs().length > 0)
    return kubeOf(await openOtherClusters(otherKubeconfigs()));
  const shared = process.env[SHARED_RIG];
  if (options === undefined && shared !== undefined) return kubeOf(regionsOf(await recoverRig(shared)));
  const dir = mkdtempSync(join(tmpdir(), 'eco-kube-'));
  const rig = await up(dir, { ...TEST_OPTIONS, ...options, owner: process.pid });
  return kubeOf(regionsOf(rig), () => down(dir, { remove: true }));
}

function regionsOf(rig: RigState): KubeRegion[] {
  return rig.regions.map((region) => ({
    name: region.name,
    kubeconfig: region.kubeconfig,
    api: apiOf(region),
    nodes: region.nodes.map(({ name }) => name),
    rig: new RegionRig(rig.dir, region.name),
  }));
}

function kubeOf(regions: KubeRegion[], end: () => Promise<void> = async () => {}): Kube {
  const made: [Api, string][] = [];
  return {
    regions: regions as [KubeRegion, KubeRegion],
    async newNamespace({ api }) {
      const name = `eco-test-${randomBytes(4).toString('hex')}`;
      await api('POST', '/api/v1/namespaces', { metadata: { name } });
      made.push([api, name]);
      const account = () => api('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`).catch(() => undefined);
      await until(`${name} has its service account`, account);
      return name;
    },
    async [Symbol.asyncDispose]() {
      for (const [api, name] of made) await api('DELETE', `/api/v1/namespaces/${name}`);
      await end();
    },
  };
}
