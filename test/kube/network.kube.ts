import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Workload } from '../../sdk/index.ts';
import type { Launch } from '../../sdk/resources/instances.ts';
import { until } from '../until.ts';
import { type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';
import { regionsThatAnswer, startLoad } from './load.ts';
import { isReady, type PodObject } from './pods.ts';
import { type Asked, type KubeProxy, openKubeProxy } from './proxy.ts';
import { type KubeEco, serving, startEcoOn, terminateAll, untilState } from './start-kube-eco.ts';
import { stepOf } from './steps.ts';
import { cut, EXPIRED_EVENT, expired, forgetful, overloaded, slow } from './ways.ts';

const SLOW_MS = 3_000;
/** More than there are passes at a time. */
const SLOW_LAUNCHES = 10;
/** Until a region that is quick has heard what was asked for. */
const HEARD_MS = 2_000;
const HEALED_MS = 5_000;
const RETRY_AFTER_SECONDS = 2;
const OVERLOAD_MS = 7_000;
const EXPIRED_MS = 2_000;
const CALLS = { perSecond: 5 };
const START_TIMEOUT_MS = 60_000;

describe('behind a network that is bad', { skip: whyNoRig() }, () => {
  const owned = new AsyncDisposableStack();
  let eco: KubeEco;
  let proxies: [KubeProxy, KubeProxy];
  let bad: KubeProxy;
  let good: KubeProxy;
  let far: KubeRegion;
  let near: KubeRegion;
  let workload: Workload;

  before(async () => {
    const kube = owned.use(await leastPrivileged(await startKube()));
    proxies = (await Promise.all(kube.regions.map(openKubeProxy))) as typeof proxies;
    for (const proxy of proxies) owned.use(proxy);
    [bad, good] = proxies;
    [far, near] = kube.regions;
    const regions = proxies.map(({ region }) => region) as unknown as typeof kube.regions;
    eco = owned.use(await startEcoOn({ ...kube, regions, async [Symbol.asyncDispose]() {} }));
    await eco.admin.admin.credit({ account_id: eco.accountId, amount: '10000.00' });
    workload = await serving(eco);
  });
  beforeEach(async () => {
    bad.way = {};
    await untilState(eco.eco, workload, 'running');
  });
  after(() => owned.disposeAsync());

  const pods = async (): Promise<PodObject[]> => {
    const { items } = await far.api('GET', `/api/v1/namespaces/${eco.namespace}/pods?labelSelector=${label()}`);
    return items;
  };
  const label = () => encodeURIComponent(`ecolink.dev/workload=${workload.id}`);
  const known = async () =>
    (await eco.eco.workloads.replicas(workload.id)).data.filter(({ region }) => region === far.name);
  const knownIds = async () => (await known()).map(({ id }) => id);

  const light = (region: KubeRegion): Partial<Launch> => ({
    image: 'vllm/vllm-openai:light', // nothing of it runs: the rig answers for it
    regions: [region.name],
  });

  /** Removes the replica in the bad region; gives it and the one that comes for it. */
  const replacePod = async (query = ''): Promise<[before: string, after: string]> => {
    const [before] = (await pods()).map(({ metadata }) => metadata.name) as [string];
    await far.api('DELETE', `/api/v1/namespaces/${eco.namespace}/pods/${before}${query}`);
    const isAnother = ({ metadata }: PodObject) => metadata.name !== before;
    const after = await until('there is another pod', async () => (await pods()).find(isAnother), START_TIMEOUT_MS);
    return [before, after.metadata.name];
  };
  const isAlone = async (name: string) => {
    const all = await pods();
    return all.length === 1 && all.every((pod) => pod.metadata.name === name && isReady(pod));
  };

  test('a region that is slow makes no other slow, and takes what it is told all the same', async (t) => {
    using load = startLoad(eco.openai, workload.ref, CALLS);
    bad.way = slow(SLOW_MS);
    const launched = await Promise.all(Array.from({ length: SLOW_LAUNCHES }, () => eco.launch(light(far))));

    /** How long it takes until the quick region has heard of it. */
    const heard = async (step: string, act: () => Promise<Workload>): Promise<number> => {
      const from = good.asked.length;
      const began = performance.now();
      const { id } = await act();
      const isIt = (asked: Asked) => stepOf(asked) === step && asked.url.pathname.endsWith(`-${id}`);
      await until(`${step} is heard`, () => good.asked.slice(from).some(isIt));
      return Math.round(performance.now() - began);
    };
    let id = 0;
    const launch = async () => {
      const made = await eco.launch(light(near));
      id = made.id;
      return made;
    };
    const waits = [
      await heard('PATCH deployments', launch),
      await heard('PATCH poddisruptionbudgets', () => eco.eco.workloads.scale(id, 2)),
      await heard('DELETE deployments', () => eco.eco.workloads.terminate(id)),
    ];
    t.diagnostic(`launch, scale and end are heard after ${waits.join(', ')} ms`);
    await Promise.all(launched.map((each) => untilState(eco.eco, each, 'running', START_TIMEOUT_MS)));
    assert.deepEqual(await regionsThatAnswer(eco.openai, workload.ref), [far.name, near.name]);
    assert.deepEqual((await load.end()).failures, []);
    assert.ok(Math.max(...waits) < HEARD_MS, String(waits));
  });

  test('a pod that goes while the watch is cut is out, and its successor in, soon after it is back', async () => {
    using load = startLoad(eco.openai, workload.ref, CALLS);
    const ids = await knownIds();
    bad.way = cut;
    bad.endWatches();
    const [before, successor] = await replacePod();
    await until('it serves alone', () => isAlone(successor), START_TIMEOUT_MS);
    assert.deepEqual(ids, [before]);
    assert.deepEqual(await knownIds(), ids, 'nobody could have told');
    bad.way = {};
    await until('it is known', async () => (await knownIds()).join() === successor, HEALED_MS);
    await untilState(eco.eco, workload, 'running');
    assert.deepEqual((await load.end()).failures, []);
  });

  test('a deletion that a watch never told is noticed when it breaks', async () => {
    bad.way = forgetful;
    const [before, successor] = await replacePod('?gracePeriodSeconds=0'); // else it is heard of before it is gone
    await until('the successor is known', async () => (await knownIds()).includes(successor));
    assert.ok((await knownIds()).includes(before), 'the deletion was not told');
    bad.way = {};
    bad.endWatches();
    await until('it is known', async () => (await knownIds()).join() === successor, HEALED_MS);
  });

  test('history that is gone is made good by a list, and is no trouble', async () => {
    const expireIn = (): void => bad.endWatches(EXPIRED_EVENT);
    const expireAt = (): void => {
      bad.way = expired;
      bad.endWatches();
    };
    for (const expire of [expireIn, expireAt]) {
      const from = bad.asked.length;
      expire();
      await sleep(EXPIRED_MS); // in which it must not ask without a pause
      const asked = bad.asked.slice(from);
      assert.ok(asked.some(({ url }) => isPodList(url)));
      assert.ok(asked.length < 60, `asked ${asked.length} times`);
      assert.equal((await eco.eco.regions.list()).data[0]?.reachable, true);
      bad.way = {};
      const [, successor] = await replacePod('?gracePeriodSeconds=0');
      await until('the successor is known', async () => (await knownIds()).join() === successor, HEALED_MS);
    }
  });

  test('an API server that wants to be left alone for a while is, and what was asked for comes all the same', async () => {
    using load = startLoad(eco.openai, workload.ref, CALLS);
    const from = bad.asked.length;
    bad.way = overloaded(RETRY_AFTER_SECONDS);
    bad.endWatches();
    const launched = await eco.launch(light(far));
    await sleep(OVERLOAD_MS); // in which it must keep to what it is told
    const asked = bad.asked.slice(from);
    assert.ok(asked.length > 0);
    assert.deepEqual(tooSoon(asked), []);
    bad.way = {};
    await untilState(eco.eco, launched, 'running', START_TIMEOUT_MS);
    assert.deepEqual((await load.end()).failures, []);
  });

  test('no API server ever saw the credentials of another region', async () => {
    for (const { asked, region } of proxies) {
      const { users } = JSON.parse(readFileSync(region.kubeconfig, 'utf8'));
      assert.ok(asked.length > 0);
      assert.deepEqual(
        [...new Set(asked.map(({ authorization }) => authorization))],
        [`Bearer ${users[0].user.token}`],
      );
    }
  });

  test('nothing is left, and the books are right', async () => {
    await terminateAll(eco);
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
  });
});

const isPodList = ({ pathname, searchParams }: URL) => pathname === '/api/v1/pods' && !searchParams.has('watch');

/** What was asked again before its time. */
function tooSoon(asked: readonly Asked[]): string[] {
  const last = new Map<string, number>();
  return asked.flatMap(({ method, url, at }) => {
    const what = `${method} ${url.pathname}${url.search}`;
    const afterMs = at - (last.get(what) ?? Number.NEGATIVE_INFINITY);
    last.set(what, at);
    return afterMs < RETRY_AFTER_SECONDS * 1_000 - 50 ? [`${what} after ${Math.round(afterMs)} ms`] : [];
  });
}
