import OpenAI from 'openai';
import type { Eco, Workload } from '../../sdk/index.ts';
import type { Launch } from '../../sdk/resources/instances.ts';
import { startEco, type TestEco } from '../harness.ts';
import { until } from '../until.ts';
import type { Api } from './api.ts';
import { type Kube, type KubeRegion, startKube } from './harness.ts';
import { leastPrivileged } from './least-privilege.ts';

export interface KubeEco extends TestEco {
  kube: Kube;
  openai: OpenAI;
  /** Namespace of the test's account in every region. */
  namespace: string;
  /** Launches the simulator, unless the launch says otherwise. */
  launch(input?: Partial<Launch>): Promise<Workload>;
}

const MODEL = 'my-llama';
const START_TIMEOUT_MS = 120_000;
/** Seconds are waited for, often by many side by side. */
const POLL_MS = 100;
const GPUS = { h100: ['NVIDIA-H100-80GB-HBM3', '3.20'], l40s: ['NVIDIA-L40S', '1.10'] } as const;

/** A region of the rig as `ecolink.yaml` has it. */
export const regionConfig = ({ name, kubeconfig }: Pick<KubeRegion, 'name' | 'kubeconfig'>, changes: object = {}) => ({
  name,
  kind: 'kubernetes',
  kubeconfig,
  gpus: Object.entries(GPUS).map(([type, [product, price_per_hour]]) => ({
    type,
    price_per_hour,
    node_labels: { 'nvidia.com/gpu.product': product },
  })),
  ...changes,
});

/**
 * The real server with the rig's regions, and a registered model from Hugging Face. It may do in them what
 * `deploy/kubernetes/rbac.yaml` says, and no more.
 */
export async function startKubeEco(regionChanges: object = {}, kube?: Kube): Promise<KubeEco> {
  return startEcoOn(await leastPrivileged(kube ?? (await startKube())), regionChanges);
}

/** The same with regions as they are given. */
export async function startEcoOn(cluster: Kube, regionChanges: object = {}): Promise<KubeEco> {
  const regions = cluster.regions.map((region) => regionConfig(region, regionChanges));
  const server = await startEco('sqlite', { regions });
  await server.eco.models.register({
    name: MODEL,
    source: { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct' },
  });
  return {
    ...server,
    kube: cluster,
    openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.apiKey, maxRetries: 0 }),
    namespace: `eco-${server.accountId.toLowerCase().replaceAll('_', '-')}`,
    launch: (input = {}) =>
      server.eco.instances.launch({ model: MODEL, image: 'ecolink/sim', gpu: { type: 'h100' }, ...input }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

/** Launches and waits until all replicas serve. */
export async function serving(eco: KubeEco, input: Partial<Launch> = {}): Promise<Workload> {
  const { id } = await eco.launch(input);
  return eco.eco.instances.waitUntilRunning(id, { timeoutMs: START_TIMEOUT_MS });
}

/** The workload, once it is so. */
export function untilSo(
  eco: Eco,
  { id }: Pick<Workload, 'id'>,
  what: string,
  isSo: (workload: Workload) => unknown,
  timeoutMs = START_TIMEOUT_MS,
): Promise<Workload> {
  let seen: Workload | undefined;
  const ask = async () => {
    seen = await eco.workloads.get(id);
    return (await isSo(seen)) ? seen : undefined;
  };
  return until(`workload ${id} ${what}`, ask, timeoutMs, POLL_MS).catch((error) => {
    throw new Error(`${error.message}; it is ${seen?.state}, ${seen?.reason}: ${seen?.message}`);
  });
}

export const untilState = (eco: Eco, workload: Pick<Workload, 'id'>, state: Workload['state'], timeoutMs?: number) =>
  untilSo(
    eco,
    workload,
    `is ${state}`,
    (seen) => seen.state === state && seen.observed_generation === seen.generation,
    timeoutMs,
  );

/** Ends them all and waits until every region has confirmed it. */
export async function terminateAll({ eco }: Pick<KubeEco, 'eco'>): Promise<void> {
  const all = (await Array.fromAsync(eco.workloads.list())).filter(({ state }) => state !== 'terminated');
  await Promise.all(all.map(({ id }) => eco.workloads.terminate(id)));
  await Promise.all(all.map((each) => untilState(eco, each, 'terminated')));
}

interface ResourceList {
  resources: { name: string; namespaced: boolean; verbs: string[] }[];
}

/** Kinds that come and go by themselves. */
const FLEETING = new Set(['events', 'leases', 'endpoints', 'endpointslices']);

/** Every object in a namespace, of every kind the cluster has, as `kind/name`. */
export async function listObjects(api: Api, namespace: string): Promise<string[]> {
  const collections = await (kinds.get(api) ?? listKinds(api));
  const found = await Promise.all(
    collections.map(async ({ path, name }) => {
      const { items = [] } = await api('GET', `${path}/namespaces/${namespace}/${name}`);
      return (items as { metadata: { name: string } }[]).map(({ metadata }) => `${name}/${metadata.name}`);
    }),
  );
  return found.flat().toSorted();
}

interface Collection {
  path: string;
  name: string;
}

/** Of each cluster, which has the same for as long as a test runs. */
const kinds = new Map<Api, Promise<Collection[]>>();

function listKinds(api: Api): Promise<Collection[]> {
  const listed = askForKinds(api);
  kinds.set(api, listed);
  return listed;
}

async function askForKinds(api: Api): Promise<Collection[]> {
  const { groups } = await api('GET', '/apis');
  const versions: string[] = groups.map(
    (group: { preferredVersion: { groupVersion: string } }) => `/apis/${group.preferredVersion.groupVersion}`,
  );
  const found = await Promise.all(
    ['/api/v1', ...versions].map(async (path) => {
      const { resources }: ResourceList = await api('GET', path);
      return resources
        .filter(({ name, namespaced, verbs }) => namespaced && verbs.includes('list') && !FLEETING.has(name))
        .map(({ name }) => ({ path, name }));
    }),
  );
  return found.flat();
}
