import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Eco } from '../../sdk/index.ts';
import { type Installation, makeInstallation, type ServerProcess } from '../crash/server-process.ts';
import { makeDatabase } from '../databases.ts';
import { until } from '../until.ts';
import { type Kube, startKube, whyNoRig } from './harness.ts';
import { listObjects, regionConfig, untilState } from './start-kube-eco.ts';

/** Milliseconds after the request: before, during and after each call to the regions. */
const MOMENTS_MS = [0, 50, 100, 200, 400, 800];
const SETTLE_TIMEOUT_MS = 120_000;

describe('a server that is killed', { skip: whyNoRig() }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'eco-kube-crash-'));
  let kube: Kube;
  let installation: Installation;
  let database: Awaited<ReturnType<typeof makeDatabase>>;
  let server: ServerProcess;
  let eco: Eco;
  let admin: Eco;
  let namespace: string;

  before(async () => {
    kube = await startKube();
    const regions = kube.regions.map((region) => regionConfig(region));
    database = await makeDatabase('sqlite');
    installation = await makeInstallation(directory, database.url, regions);
    server = await installation.start();
    admin = new Eco({ apiKey: installation.adminKey, baseUrl: installation.url });
    const { id, secret } = await admin.admin.createAccount({ name: 'crash' });
    await admin.admin.credit({ account_id: id, amount: '10000.00' });
    eco = new Eco({ apiKey: secret, baseUrl: installation.url });
    namespace = `eco-${id.toLowerCase().replaceAll('_', '-')}`;
    await eco.models.register({ name: 'm', source: { type: 'huggingface', repo: 'a/b-8B' } });
  });
  after(async () => {
    await server?.stop();
    await kube?.[Symbol.asyncDispose]();
    await database?.remove();
    rmSync(directory, { recursive: true });
  });

  const killAfter = async (ms: number, asked: Promise<unknown>) => {
    const settled = Promise.allSettled([asked]); // the client may ask again once the server is back
    await sleep(ms);
    await server.kill();
    server = await installation.start();
    await settled;
  };
  const deployments = async () =>
    (await Promise.all(kube.regions.map(({ api }) => listObjects(api, namespace))))
      .flat()
      .filter((name) => name.startsWith('deployments/'));

  test('while it launches leaves one workload in each region, or none at all', async () => {
    for (const ms of MOMENTS_MS) {
      const launch = { model: 'm', image: 'ecolink/sim', gpu: { type: 'h100' }, secrets: { TOKEN: 'a secret value' } };
      await killAfter(ms, eco.instances.launch(launch, { idempotencyKey: `launch-${ms}` }));
      const live = (await Array.fromAsync(eco.workloads.list())).filter(({ state }) => state !== 'terminated');
      assert.ok(live.length <= 1, `${live.length} after ${ms} ms`);
      for (const each of live) await untilState(eco, each, 'running', SETTLE_TIMEOUT_MS);
      assert.equal((await deployments()).length, live.length * 2, `after ${ms} ms`);
      for (const { id } of live) await eco.workloads.terminate(id);
      for (const each of live) await untilState(eco, each, 'terminated', SETTLE_TIMEOUT_MS);
    }
  });

  test('while it stops leaves nothing running, and the books right', async () => {
    for (const ms of MOMENTS_MS) {
      const { id } = await eco.instances.launch({ model: 'm', image: 'ecolink/sim', gpu: { type: 'h100' } });
      if (ms % 100 === 0) await untilState(eco, { id }, 'running', SETTLE_TIMEOUT_MS); // else it is stopped half launched
      await killAfter(ms, eco.workloads.terminate(id));
      await eco.workloads.terminate(id);
      await untilState(eco, { id }, 'terminated', SETTLE_TIMEOUT_MS);
      assert.deepEqual(await deployments(), []);
    }
    for (const { api } of kube.regions)
      await until('nothing is left', async () =>
        (await listObjects(api, namespace)).every((name) => /kube-root-ca|\/ecolink$|\/default$/.test(name)),
      );
    const { findings } = await until('the audit has run', () => admin.admin.audit());
    assert.deepEqual(findings, []);
  });
});
