import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../until.ts';
import type { Kube, KubeRegion } from './harness.ts';
import { whyNoRig } from './why-no-kube.ts';

export const rbacFile = fileURLToPath(new URL('../../deploy/kubernetes/rbac.yaml', import.meta.url));
export const ACCOUNT = { namespace: 'ecolink', account: 'ecolink' };

/**
 * The same regions with kubeconfigs of EcoLink's own ServiceAccount, as `deploy/kubernetes/rbac.yaml` makes it; `api` and
 * `rig` stay the administrator's. Clusters that are not of the rig stay as they are.
 */
export async function leastPrivileged(kube: Kube): Promise<Kube> {
  if (whyNoRig() !== undefined) return kube;
  const folder = mkdtempSync(join(tmpdir(), 'eco-rbac-'));
  const restrict = async (region: KubeRegion): Promise<KubeRegion> => {
    applyRbac(region);
    const kubeconfig = join(folder, `${region.name}.json`);
    writeFileSync(kubeconfig, await kubeconfigOf(region, ACCOUNT.account));
    return { ...region, kubeconfig };
  };
  const regions = (await Promise.all(kube.regions.map(restrict))) as unknown as Kube['regions'];
  return {
    ...kube,
    regions,
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
      await kube[Symbol.asyncDispose]();
    },
  };
}

const applied = new Set<string>();

/** As an administrator would, once. */
export function applyRbac({ name, rig }: KubeRegion): void {
  const where = `${rig.dir}/${name}`;
  if (applied.has(where)) return;
  const { status, stderr } = rig.kubectl('apply', '-f', rbacFile);
  assert.equal(status, 0, stderr);
  applied.add(where);
}

/** Of a ServiceAccount of the namespace `ecolink`, once the cluster issues tokens for it. */
export const kubeconfigOf = ({ rig }: KubeRegion, account: string): Promise<string> =>
  until(`there is a token for ${account}`, () => rig.tokenKubeconfig({ ...ACCOUNT, account }).catch(() => undefined));
