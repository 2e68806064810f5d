import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Eco, Workload } from '../../sdk/index.ts';
import { until } from '../until.ts';
import type { Killable, Tenant } from './killable.ts';
import { listObjects, untilState } from './start-kube-eco.ts';
import { stepOf } from './steps.ts';
import { holdAt } from './ways.ts';

export type Verb = 'launch' | 'scale' | 'stop' | 'terminate';

/** When a server dies: before a step is sent on, or when it is done and has not been answered. */
export interface Death {
  when: 'before' | 'after';
  step: string;
}

/** What is asked of a workload in its life, and where its server dies on the way. */
export interface Life {
  verbs: readonly Verb[];
  deaths: Partial<Record<Verb, Death>>;
}

/** What a verb makes the server ask of the region, in the order of the first time. */
export type Steps = Record<Verb, readonly string[]>;

export const LAUNCH = {
  model: 'm',
  image: 'vllm/vllm-openai:crash', // nothing of it runs: the rig answers for it
  gpu: { type: 'h100' },
  secrets: { TOKEN: 'a secret value' },
};

/** What an account has in a region, whatever becomes of its workloads. */
const KEPT = ['configmaps', 'persistentvolumeclaims', 'resourcequotas', 'serviceaccounts'];
const MADE = ['deployments', 'networkpolicies', 'pods', 'replicasets', 'secrets', 'services'];
export const LAUNCHED: readonly string[] = [...KEPT, ...MADE].toSorted();
const SCALED = [...LAUNCHED, 'poddisruptionbudgets', 'pods'].toSorted();
const SETTLE_TIMEOUT_MS = 60_000;
const LIST_POLL_MS = 500;

const OUTCOMES: Record<Verb, { state: Workload['state']; objects: readonly string[] }> = {
  launch: { state: 'running', objects: LAUNCHED },
  scale: { state: 'running', objects: SCALED },
  stop: { state: 'stopped', objects: KEPT },
  terminate: { state: 'terminated', objects: KEPT },
};

/** What each verb asks for where nobody dies. */
export async function rehearse(one: Killable, other: Killable): Promise<Steps> {
  const [stopped, ended] = await Promise.all([
    live(one, { verbs: ['launch', 'scale', 'stop'], deaths: {} }),
    live(other, { verbs: ['launch', 'terminate'], deaths: {} }),
  ]);
  return { ...stopped, terminate: ended.terminate };
}

/** Lives that have between them a death before and after each step of each verb. */
export function livesWith(steps: Steps): Life[] {
  const deaths = (verb: Verb): Death[] =>
    steps[verb].flatMap((step) => (['before', 'after'] as const).map((when) => ({ when, step })));
  const left = {
    launch: deaths('launch'),
    scale: deaths('scale'),
    stop: deaths('stop'),
    terminate: deaths('terminate'),
  };
  const lives: Life[] = [];
  while (Object.values(left).some(({ length }) => length > 0)) {
    const end = left.stop.length > left.terminate.length ? 'stop' : 'terminate';
    const own = (['launch', 'scale', end] as const).flatMap((verb) => {
      const death = left[verb].shift();
      return death ? [[verb, death] as const] : [];
    });
    const verbs = new Set<Verb>(['launch', ...own.map(([verb]) => verb), 'terminate']);
    lives.push({ verbs: [...verbs], deaths: Object.fromEntries(own) });
  }
  return lives;
}

export const describeLife = ({ deaths }: Life): string =>
  Object.entries(deaths)
    .map(([verb, { when, step }]) => `${when} ${step} in ${verb}`)
    .join(', ');

/** After each death there is one workload with all that it should have and no more, in the end nothing. */
export async function live(server: Killable, { verbs, deaths }: Life): Promise<Steps> {
  await server.start();
  const tenant = await server.newTenant();
  const { eco } = tenant;
  const launch = () => eco.instances.launch(LAUNCH, { idempotencyKey: 'the launch' });
  const acts: Record<Exclude<Verb, 'launch'>, (id: number) => Promise<Workload>> = {
    scale: (id) => eco.workloads.scale(id, 2),
    stop: (id) => eco.workloads.stop(id),
    terminate: (id) => eco.workloads.terminate(id),
  };
  const steps: Steps = { launch: [], scale: [], stop: [], terminate: [] };
  let id = 0;
  for (const verb of verbs) {
    server.proxy.asked.length = 0;
    const act = verb === 'launch' ? launch : () => acts[verb](id);
    ({ id } = await dieAt(server, deaths[verb], act));
    assert.equal((await launch()).id, id, 'the same launch again makes no other');
    assert.deepEqual(await listIds(eco), [id]);
    const { state, objects } = OUTCOMES[verb];
    await untilState(eco, { id }, state, SETTLE_TIMEOUT_MS);
    await untilThere(server, tenant, objects);
    steps[verb] = [...new Set(server.proxy.asked.flatMap((asked) => stepOf(asked) ?? []))];
  }
  return steps;
}

/** Kills the server at that step and starts it again. The act itself is answered before the region hears of it. */
async function dieAt(server: Killable, death: Death | undefined, act: () => Promise<Workload>): Promise<Workload> {
  if (!death) return act();
  const { when, step } = death;
  let isThere = false;
  const there = holdAt(server.proxy, { when, isMeant: (asked) => stepOf(asked) === step });
  void there.then(() => {
    isThere = true;
  });
  const workload = await act();
  await until(`the server is at ${step}`, () => isThere, SETTLE_TIMEOUT_MS);
  await server.kill();
  await server.start();
  return workload;
}

/** Of all workloads that there are or have been. */
export const listIds = async (eco: Eco): Promise<number[]> =>
  (await Array.fromAsync(eco.workloads.list({ all: true }))).map(({ id }) => id);

/** So many objects of each kind, and no others. */
export async function untilThere({ proxy }: Killable, { namespace }: Tenant, kinds: readonly string[]): Promise<void> {
  const there = async () => (await listObjects(proxy.region.api, namespace)).map((name) => name.split('/', 1)[0]);
  const isThere = async () => isDeepStrictEqual(await there(), kinds);
  await until('the region has what it should', isThere, SETTLE_TIMEOUT_MS, LIST_POLL_MS).catch(async () =>
    assert.deepEqual(await there(), kinds),
  );
}
