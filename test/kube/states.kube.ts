import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Reason, Workload } from '../../sdk/index.ts';
import type { Launch } from '../../sdk/resources/instances.ts';
import { eco as runEco } from '../run-eco.ts';
import { until } from '../until.ts';
import { whyNoRig } from './harness.ts';
import { type KubeEco, listObjects, startKubeEco, terminateAll, untilSo } from './start-kube-eco.ts';

type Case = [
  name: string,
  launch: Partial<Launch>,
  state: Workload['state'],
  reason: Reason,
  message: RegExp,
  hint: RegExp | null,
];

const fault = (name: string, changes: Partial<Launch> = {}): Partial<Launch> => ({
  image: `fault.test/${name}`,
  startup_seconds: 10,
  ...changes,
});

/** One region each, so that a workload has one replica; one GPU, so that all fit at a time. */
const WHERE = { regions: ['eu-1'], gpu: { type: 'h100', count: 1 } };
const ELSEWHERE = { regions: ['us-2'] };

const FATAL: Case[] = [
  [
    'there is no such image',
    fault('err-image-pull'),
    'failed',
    'image_not_found',
    /There is no image fault\.test\/err-image-pull/,
    /^eco help image_not_found$/,
  ],
  [
    'the registry wants a login',
    fault('err-image-pull:unauthorized'),
    'failed',
    'image_auth',
    /does not give out fault/,
    /^eco help image_auth$/,
  ],
  [
    'the image has no name',
    { image: 'UPPER/Case' },
    'failed',
    'bad_config',
    /cannot be started as described: .*UPPER/,
    /^eco help bad_config$/,
  ],
  [
    'the container cannot be made',
    fault('create-container-error'),
    'failed',
    'bad_config',
    /cannot be started as described/,
    /^eco help bad_config$/,
  ],
  [
    'the container cannot be run',
    fault('run-container-error'),
    'failed',
    'bad_config',
    /cannot be started as described/,
    /^eco help bad_config$/,
  ],
  ['the GPU has too little memory', fault('cuda-oom'), 'failed', 'oom_gpu', /CUDA out of memory/, /^eco help oom_gpu$/],
  ['it crashes again and again', fault('crash:3'), 'failed', 'crashed', /Crashed 3 times .*code 3/, /^eco logs/],
  [
    'it takes more memory than it may',
    fault('oom-killed:300ms'),
    'failed',
    'oom_host',
    /Crashed 3 times .*more memory/,
    /^eco logs/,
  ],
  ['it ends by itself', fault('exit:200ms'), 'failed', 'crashed', /Crashed 3 times .*code 0/, /^eco logs/],
  ['it is never ready', fault('not-ready'), 'failed', 'startup_timeout', /startup budget/, /^eco logs/],
  ['it accepts and never answers', fault('hang'), 'failed', 'startup_timeout', /startup budget/, /^eco logs/],
];

const PASSING: Case[] = [
  [
    'the registry is out of patience',
    fault('err-image-pull:rate-limit'),
    'pulling',
    'registry_rate_limited',
    /no more downloads/,
    /^eco help registry_rate_limited$/,
  ],
  [
    'the registry cannot be reached',
    fault('err-image-pull:timeout'),
    'pulling',
    'image_network',
    /cannot be reached/,
    /^eco help image_network$/,
  ],
  [
    'the image is on its way',
    fault('slow-pull:30s'), // a kubelet ends a pod whose image it fetches only then
    'pulling',
    'starting',
    /fault\.test\/slow-pull:30s is being fetched/,
    null,
  ],
  [
    'no sandbox can be made',
    { gpu: { type: 'l40s', count: 1 } },
    'pulling',
    'sandbox_failed',
    /no free addresses/,
    /^eco events/,
  ],
  [
    'it loads',
    { image: 'fault.test/not-ready', startup_seconds: 600 },
    'loading',
    'loading_model',
    /Loading/,
    /^eco logs/,
  ],
];

describe('what becomes of a launch on Kubernetes is said in state, reason, message and hint', {
  skip: whyNoRig(),
}, () => {
  let eco: KubeEco;
  before(async () => {
    eco = await startKubeEco();
    await eco.admin.admin.credit({ account_id: eco.accountId, amount: '10000.00' });
    const [, { api, rig }] = eco.kube.regions;
    const { items } = await api('GET', '/api/v1/nodes?labelSelector=nvidia.com/gpu.product=NVIDIA-L40S');
    rig.addFault({ fault: 'sandbox-error', node: `^${items[0].metadata.name}$` });
  });
  after(async () => {
    eco?.kube.regions[1].rig.clearFaults();
    await eco?.[Symbol.asyncDispose]();
  });

  /** Launched, and seen in that state for that reason. */
  const shows = async ([, input, state, reason, message, hint]: Case, where: Partial<Launch>) => {
    const { id } = await eco.launch({ ...WHERE, ...where, ...input });
    const seen = await untilSo(
      eco.eco,
      { id },
      `is ${state}: ${reason}`,
      (now) => now.state === state && now.reason === reason,
    );
    assert.match(seen.message, message);
    assert.match(seen.hint ?? 'none', hint ?? /^none$/);
    assert.ok(seen.since >= seen.created_at);
    return seen;
  };

  describe('all launched at a time', { concurrency: 2 }, () => {
    describe('what no waiting cures fails, with the first cause; GPUs and money are given back', {
      concurrency: 16,
    }, () => {
      for (const each of FATAL)
        test(each[0], async () => {
          const { id, message } = await shows(each, WHERE);
          const gone = await untilSo(eco.eco, { id }, 'has given its money back', ({ hold }) => hold === '0.00');
          assert.deepEqual([gone.state, gone.message], ['failed', message]);
          assert.deepEqual(await objectsOf(eco, id), []);
          const { data } = await eco.eco.workloads.events(id);
          assert.ok(data.some((event) => event.type === 'warning' && event.message === message));
        });
    });

    describe('what may pass does not fail', { concurrency: 16 }, () => {
      for (const each of PASSING)
        test(each[0], async () => {
          const { id } = await shows(each, ELSEWHERE);
          await eco.eco.workloads.terminate(id);
          const ended = await untilSo(eco.eco, { id }, 'is terminated', ({ state }) => state === 'terminated');
          assert.equal(ended.hold, '0.00');
        });
    });
  });

  test('a crash loop ends with its last words, also in the log that is kept until then', async () => {
    const [id] = (await Array.fromAsync(eco.eco.workloads.list()))
      .filter((each) => each.image.includes('cuda'))
      .map((each) => each.id);
    const { data } = await eco.eco.workloads.events(id!);
    assert.ok(data.some(({ message }) => /torch|CUDA/.test(message)));
  });

  test('no room is told before money is held, with the arithmetic', async () => {
    const { available } = await eco.eco.billing.balance();
    const { name } = eco.kube.regions.at(-1)!;
    const refused = eco.launch({ regions: [name], gpu: { type: 'h100', count: 8 }, replicas: 3 });
    await assert.rejects(refused, {
      code: 'no_capacity',
      message: new RegExp(`3 replicas of 8 × h100 in ${name}: 16 free of 16, largest free block 8`),
    });
    const unknown = eco.launch({ regions: [name], gpu: { type: 'b200', count: 1 } });
    await assert.rejects(unknown, {
      code: 'invalid_request',
      message: new RegExp(`${name} has no "b200"\\. Known: h100, l40s`),
    });
    assert.equal((await eco.eco.billing.balance()).available, available);
  });

  test('the CLI tells the same', async () => {
    const failed = (await Array.fromAsync(eco.eco.workloads.list())).find(({ reason }) => reason === 'oom_gpu')!;
    const { stdout } = await runEco(['instances', 'show', String(failed.id), '--json'], {
      env: { ECO_API_URL: eco.url, ECO_API_KEY: eco.apiKey },
    });
    const shown = JSON.parse(stdout);
    assert.deepEqual(
      [shown.state, shown.reason, shown.message, shown.hint],
      ['failed', 'oom_gpu', failed.message, failed.hint],
    );
  });

  test('the books are right, and nothing is left', async () => {
    await terminateAll(eco);
    assert.deepEqual((await eco.admin.admin.audit()).findings, []);
    assert.deepEqual(
      (await listObjects(eco.kube.regions[0].api, eco.namespace)).filter(
        (name) => !/kube-root-ca|\/ecolink$|\/default$/.test(name),
      ),
      [],
    );
  });
});

/** Names of all that a workload has in the first region. */
async function objectsOf({ kube, namespace }: KubeEco, id: number): Promise<string[]> {
  const own = new RegExp(`-${id}(-[a-z0-9-]+)?$`);
  const left = async () => (await listObjects(kube.regions[0].api, namespace)).filter((name) => own.test(name));
  await until(`nothing is left of ${id}`, async () => (await left()).length === 0, 60_000).catch(() => {});
  return left();
}
