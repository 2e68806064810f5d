import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ClusterDriver } from '../../server/cluster/driver.ts';
import { KubernetesRegionConfig, siteOf, sourceOf } from '../../server/cluster/kubernetes/config.ts';
import { openKubernetesRegion } from '../../server/cluster/kubernetes/region.ts';
import { openLog } from '../../server/log.ts';
import { until } from '../until.ts';
import { type KubeRegion, whyNoRig } from './harness.ts';
import { type KubeEco, regionConfig, serving, startKubeEco, terminateAll } from './start-kube-eco.ts';

/** A driver of the same installation, as a server with a copy of its database would have it. */
async function openCopy(eco: KubeEco, region: KubeRegion, identity: string): Promise<ClusterDriver> {
  const config = KubernetesRegionConfig.parse(regionConfig(region));
  const site = siteOf(config, eco.server.context.installation);
  return openKubernetesRegion({
    name: region.name,
    source: sourceOf(config),
    site,
    identity,
    log: openLog('silent'),
    clock: Date.now,
  });
}

describe('a server with a copy of the database', { skip: whyNoRig() }, () => {
  let eco: KubeEco;
  before(async () => {
    eco = await startKubeEco();
  });
  after(() => eco?.[Symbol.asyncDispose]());

  test('but not the secrets does nothing in the regions, and says why', async () => {
    const [region] = eco.kube.regions;
    const { id } = await serving(eco, { regions: [region.name] });
    const { uid } = await eco.server.context.db
      .selectFrom('workloads')
      .select('uid')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    await using copy = await openCopy(eco, region, 'somebody else');
    const why = {
      name: 'RegionUnreachable',
      message: /belongs to another server, of which this one has a copy of the database: ConfigMap eco-system\/eco-/,
    };
    for (const call of [
      () => copy.offers(),
      () => copy.list(),
      () => copy.observe({ workload_id: id, uid, secrets: {} }),
      () => copy.destroy({ workload_id: id, uid }),
    ])
      await assert.rejects(call(), why);
    assert.equal((await eco.eco.workloads.get(id)).state, 'running');
  });

  test('and the secrets is the same installation', async () => {
    const [region] = eco.kube.regions;
    const { secrets, installation } = eco.server.context;
    await using same = await openCopy(eco, region, secrets.hashKey(`installation ${installation}`));
    await until('it sees what runs', async () => (await same.list()).length === 1);
    await terminateAll(eco);
  });
});
