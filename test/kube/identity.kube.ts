import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { KubernetesRegionConfig, siteOf, sourceOf } from '../../server/cluster/kubernetes/config.ts';
import { type KubernetesRegion, openKubernetesRegion } from '../../server/cluster/kubernetes/region.ts';
import { openLog } from '../../server/log.ts';
import { startEco } from '../harness.ts';
import { until } from '../until.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';
import { type KubeProxy, openKubeProxy } from './proxy.ts';
import { type KubeEco, regionConfig, serving, startEcoOn, terminateAll } from './start-kube-eco.ts';

const NOT_OURS = /belongs to another server, of which this one has a copy of the database: ConfigMap eco-system\/eco-/;

describe('whose a region is', { skip: whyNoRig() }, () => {
  const owned = new AsyncDisposableStack();
  let kube: Kube;
  let proxies: KubeProxy[];
  let eco: KubeEco;
  let workload: { id: number };

  before(async () => {
    kube = owned.use(await leastPrivileged(await startKube()));
    proxies = await Promise.all(kube.regions.map(openKubeProxy));
    for (const proxy of proxies) owned.use(proxy);
    const regions = proxies.map(({ region }) => region) as unknown as Kube['regions'];
    eco = owned.use(await startEcoOn({ ...kube, regions, async [Symbol.asyncDispose]() {} }));
    workload = await serving(eco, { secrets: { TOKEN: 'a secret value' } });
  });
  after(() => owned.disposeAsync());

  test("each API server is sent its own region's credentials, and no others", async () => {
    await Array.fromAsync(eco.eco.workloads.logs(workload.id, { tail: 1 }));
    const tokens = kube.regions.map(tokenOf);
    assert.notEqual(tokens[0], tokens[1]);
    for (const [index, { asked }] of proxies.entries()) {
      assert.ok(asked.some(({ url }) => url.pathname.endsWith('/log')));
      assert.deepEqual([...new Set(asked.map(({ authorization }) => authorization))], [`Bearer ${tokens[index]}`]);
      assert.ok(!JSON.stringify(asked).includes(tokens[1 - index] ?? ''));
    }
  });

  test('is pinned in it', async () => {
    const pins = await Promise.all(kube.regions.map((region) => pinOf(region, eco.server.context.installation)));
    const { secrets, installation } = eco.server.context;
    assert.deepEqual(
      pins.map(({ data }) => data),
      pins.map(() => ({ identity: secrets.hashKey(`installation ${installation}`) })),
    );
  });

  test('a server with a copy of the database, but not the secrets, does nothing there and says why', async () => {
    const objects = () => Promise.all(kube.regions.map((region) => deploymentsIn(region, eco.namespace)));
    const before = await objects();
    await using copy = await startCopy(eco, kube);
    const { data } = await copy.eco.regions.list();
    assert.deepEqual(
      data.map(({ name, reachable }) => [name, reachable]),
      kube.regions.map(({ name }) => [name, false]),
    );
    for (const { message } of data) assert.match(message ?? '', NOT_OURS);
    for (const driver of copy.server.context.regions.values()) {
      const { uid } = await rowOf(eco, workload.id);
      const asked = { workload_id: workload.id, uid, secrets: {} };
      for (const call of [
        () => driver.offers(),
        () => driver.list(),
        () => driver.observe(asked),
        () => driver.destroy(asked),
      ])
        await assert.rejects(call(), { name: 'RegionUnreachable', message: NOT_OURS });
    }
    assert.deepEqual(await objects(), before);
    assert.equal((await eco.eco.workloads.get(workload.id)).state, 'running');
  });

  test('another installation has the region too, and nothing to do with what is not its own', async () => {
    await using other = await startEcoOn({ ...kube, async [Symbol.asyncDispose]() {} });
    const { data } = await other.eco.regions.list();
    assert.deepEqual(
      data.map(({ reachable, message }) => [reachable, message]),
      data.map(() => [true, null]),
    );
    const installations = [eco, other].map(({ server }) => server.context.installation);
    const pins = await Promise.all(installations.map((installation) => pinOf(kube.regions[0], installation)));
    assert.notEqual(pins[0]?.data.identity, pins[1]?.data.identity);
    for (const driver of other.server.context.regions.values()) assert.deepEqual(await driver.list(), []);
  });

  test('another server of the same installation sees what the first one runs', async () => {
    const { secrets, installation } = eco.server.context;
    await using same = await openDriver(eco, kube.regions[0], secrets.hashKey(`installation ${installation}`));
    const found = await until('it sees what runs', async () => {
      const all = await same.list();
      return all.length > 0 && all;
    });
    assert.deepEqual(found, [{ workload_id: workload.id, uid: (await rowOf(eco, workload.id)).uid }]);
    await terminateAll(eco);
  });
});

/** The token of a kubeconfig of the rig. */
function tokenOf({ kubeconfig }: KubeRegion): string {
  const { users } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  return users[0].user.token;
}

/** By the label of the installation. */
async function pinOf({ api }: KubeRegion, installation: string): Promise<{ data: { identity: string } }> {
  const selector = `labelSelector=ecolink.dev/installation=${installation}`;
  const { items } = await api('GET', `/api/v1/namespaces/eco-system/configmaps?${selector}`);
  assert.equal(items.length, 1);
  return items[0];
}

/** What changes with every write to them. */
async function deploymentsIn({ api }: KubeRegion, namespace: string) {
  const { items } = await api('GET', `/apis/apps/v1/namespaces/${namespace}/deployments`);
  return (items as { metadata: { uid: string; generation: number } }[]).map(({ metadata: { uid, generation } }) => ({
    uid,
    generation,
  }));
}

const rowOf = ({ server }: KubeEco, id: number) =>
  server.context.db.selectFrom('workloads').select('uid').where('id', '=', id).executeTakeFirstOrThrow();

/** As somebody has it who restores a backup elsewhere, or steals one. */
async function startCopy({ server }: KubeEco, { regions }: Kube) {
  const folder = mkdtempSync(join(tmpdir(), 'eco-copy-'));
  const database = join(folder, 'copy.db');
  await sql`vacuum into ${sql.lit(database)}`.execute(server.context.db);
  const copy = await startEco('sqlite', { database, regions: regions.map((region) => regionConfig(region)) });
  return {
    ...copy,
    async [Symbol.asyncDispose]() {
      await copy[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

function openDriver(eco: KubeEco, region: KubeRegion, identity: string): Promise<KubernetesRegion> {
  const config = KubernetesRegionConfig.parse(regionConfig(region));
  return openKubernetesRegion({
    name: region.name,
    source: sourceOf(config),
    site: siteOf(config, eco.server.context.installation),
    identity,
    log: openLog('silent'),
    clock: Date.now,
  });
}
