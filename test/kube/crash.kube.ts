import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../server/context.ts';
import { ORPHAN_GRACE_MS, type Orphans, sweepRegion } from '../../server/workloads/reconcile/sweep.ts';
import { DIALECTS, type Dialect } from '../databases.ts';
import { until } from '../until.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { type Killable, makeVolumes, openKillable } from './killable.ts';
import { leastPrivileged } from './least-privilege.ts';
import { describeLife, LAUNCH, LAUNCHED, listIds, live, livesWith, rehearse, type Steps, untilThere } from './lives.ts';
import { podManifest } from './pods.ts';
import { listObjects, untilState } from './start-kube-eco.ts';

/** Killed side by side: most of the time each waits for the cluster. */
const DATABASES = ['sqlite', 'postgres', 'sqlite', 'sqlite', 'sqlite', 'sqlite'] as const;
const SERVERS = DATABASES.filter((dialect) => DIALECTS.includes(dialect));
const VOLUMES = 40;
const SETTLE_TIMEOUT_MS = 60_000;
const KINDS = [...LAUNCHED, 'namespaces'].filter((kind) => !/configmaps|pods|replicasets|serviceaccounts/.test(kind));

type Case = [name: string, run: (server: Killable) => Promise<unknown>];

describe('a server that is killed', { skip: whyNoRig() }, () => {
  const owned = new AsyncDisposableStack();
  let kube: Kube;
  let region: KubeRegion;
  let servers: [Killable, Killable, ...Killable[]];

  before(async () => {
    kube = owned.use(await leastPrivileged(await startKube()));
    [region] = kube.regions;
    const { storageClass } = owned.use(await makeVolumes(region.api, VOLUMES));
    const open = async (dialect: Dialect) => owned.use(await openKillable(region, storageClass, dialect));
    servers = (await Promise.all(SERVERS.map(open))) as typeof servers;
  });
  after(() => owned.disposeAsync());

  test('at any moment goes on where it was, with one workload or none', { concurrency: true }, async (t) => {
    const queue: Case[] = [
      ['while its objects are removed', loseObjects],
      ...[0, 5, 20].map((ms): Case => [`${ms} ms after it is asked for a launch`, (server) => dieAsked(server, ms)]),
    ];
    const work = async (server: Killable) => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [name, run] = next;
        await t.test(`${name}; on ${server.dialect}`, async () => void (await run(server)));
      }
    };
    const [one, two, ...others] = servers;
    const rehearsed = rehearse(one, two).then((steps) => {
      checkSteps(steps);
      for (const life of livesWith(steps)) queue.push([describeLife(life), (server) => live(server, life)]);
    });
    const isFree = (server: Killable) => others.includes(server);
    await Promise.all(
      servers.map(async (server) => {
        if (isFree(server)) await work(server);
        await rehearsed;
        await work(server);
      }),
    );
  });

  test('has right books after all that, and leaves nothing to sweep', async () => {
    const check = async (server: Killable) => {
      await server.start();
      const { findings } = await until('the audit has run', () => server.admin.admin.audit());
      assert.deepEqual(findings, [], server.dialect);
      await server.kill();
      await using opened = await server.open();
      const driver = driverOf(opened.context);
      assert.deepEqual(await driver.list(), []);
      assert.equal(await sweepRegion(opened.context, driver, new Map()), 0);
    };
    await Promise.all(servers.map(check));
  });

  test('what no row stands for is swept after a while, what is of another installation never', async () => {
    const [server] = servers;
    await server.kill();
    await using opened = await server.open();
    const { context } = opened;
    const driver = driverOf(context);
    const namespace = await kube.newNamespace(region);
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    for (const [name, installation] of [
      ['orphan', context.installation],
      ['stranger', 'ins_of_somebody_else'],
    ] as const)
      await region.api('POST', path, deploymentOf(name, installation));
    const there = async () => [
      ...new Set((await listObjects(region.api, namespace)).map((name) => name.split('-')[0])),
    ];
    await until(
      'both have a pod',
      async () => (await there()).filter((name) => name?.startsWith('pods/')).length === 2,
    );
    await until('the orphan is known', async () => (await driver.list()).length > 0);
    assert.deepEqual(await driver.list(), [{ uid: 'orphan', workload_id: 987 }]);

    const orphans: Orphans = new Map();
    const later = { ...context, clock: () => Date.now() + ORPHAN_GRACE_MS };
    assert.equal(await sweepRegion(context, driver, orphans), 0, 'its server may just be about to write its row');
    assert.equal(await sweepRegion(later, driver, orphans), 1);
    await until('it is gone', async () => !/orphan/.test(String(await there())));
    const own = ['deployments/stranger', 'pods/stranger', 'replicasets/stranger'];
    assert.deepEqual(await there(), ['configmaps/kube', ...own, 'serviceaccounts/default']);
    assert.deepEqual(await driver.list(), []);
  });
});

/** So that what is asked for later does not go without a death. */
function checkSteps(steps: Steps): void {
  const isWritten = (kind: string) => steps.launch.some((step) => step.startsWith(`PATCH ${kind}`));
  assert.deepEqual(
    KINDS.filter((kind) => !isWritten(kind)),
    [],
    'kinds that a launch does not write',
  );
  assert.ok(steps.launch.includes('PATCH deployments (paused)'));
  assert.ok(steps.scale.includes('PATCH poddisruptionbudgets'));
  for (const verb of ['stop', 'terminate'] as const) assert.equal(steps[verb][0], 'DELETE deployments');
}

/** Killed so long after it was sent a launch, which it may or may not have heard. */
async function dieAsked(server: Killable, ms: number): Promise<void> {
  await server.start();
  const tenant = await server.newTenant();
  const { eco } = tenant;
  const asked = eco.instances.launch(LAUNCH, { maxRetries: 0 }).catch(() => undefined);
  await sleep(ms);
  await server.kill();
  const answered = await asked;
  await server.start();
  const before = await listIds(eco);
  if (answered) assert.deepEqual(before, [answered.id]);
  assert.ok(before.length <= 1);
  const id = before[0] ?? (await eco.instances.launch(LAUNCH)).id;
  await untilState(eco, { id }, 'running', SETTLE_TIMEOUT_MS);
  await untilThere(server, tenant, LAUNCHED);
  assert.deepEqual(await listIds(eco), [id]);
  await eco.workloads.terminate(id);
  await untilState(eco, { id }, 'terminated', SETTLE_TIMEOUT_MS);
}

/** What it finds gone when it is back it makes again. */
async function loseObjects(server: Killable): Promise<void> {
  await server.start();
  const tenant = await server.newTenant();
  const { eco, namespace } = tenant;
  const { api } = server.proxy.region;
  const { id } = await eco.instances.launch(LAUNCH);
  await untilState(eco, { id }, 'running', SETTLE_TIMEOUT_MS);
  await server.kill();
  await api('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments`);
  await api('DELETE', `/api/v1/namespaces/${namespace}/pods?gracePeriodSeconds=0`);
  await until('all is gone', async () => !/secrets|pods/.test(String(await listObjects(api, namespace))));
  await server.start();
  await untilThere(server, tenant, LAUNCHED);
  await untilState(eco, { id }, 'running', SETTLE_TIMEOUT_MS);
  assert.deepEqual(await listIds(eco), [id]);
  await eco.workloads.terminate(id);
  await untilState(eco, { id }, 'terminated', SETTLE_TIMEOUT_MS);
}

function driverOf({ regions }: Context) {
  const [driver] = regions.values();
  assert.ok(driver);
  return driver;
}

/** As an installation marks it. */
function deploymentOf(uid: string, installation: string) {
  const labels = {
    'app.kubernetes.io/managed-by': 'ecolink',
    'ecolink.dev/installation': installation,
    'ecolink.dev/uid': uid,
    'ecolink.dev/workload': '987',
  };
  const { metadata, spec } = podManifest(uid, 'any/image');
  return {
    metadata: { name: uid, labels },
    spec: {
      selector: { matchLabels: { app: uid } },
      template: { metadata: { labels: { ...labels, ...metadata.labels } }, spec },
    },
  };
}
