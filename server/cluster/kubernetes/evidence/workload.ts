import type { Offer } from '../../../../sdk/contract/index.ts';
import type { Evidence } from '../../driver.ts';
import type { Declined } from '../declined.ts';
import { PORT } from '../manifest/deployment.ts';
import { CONTAINER, objectName } from '../manifest/names.ts';
import type { Site } from '../manifest/site.ts';
import type { Remembered } from '../memory.ts';
import type { Deployment, KubeEvent, Node, Pod, ReplicaSet } from '../objects.ts';
import { podEvidence } from './pod.ts';
import { quoted, type Verdict, verdict } from './verdict.ts';

/** All that a region knows of one workload. */
export interface Sight {
  region: string;
  workload_id: number;
  pods: readonly Pod[];
  /** Pods that were deleted, and when. */
  gone: readonly { pod: Pod; at: number }[];
  deployment: Deployment | undefined;
  replicaSets: readonly ReplicaSet[];
  eventsOf(uid: string | undefined): readonly KubeEvent[];
  nodeOf(name: string | undefined): Node | undefined;
  rememberedOf(pod: Pod): Remembered;
  offers: readonly Offer[];
  site: Site;
  generation: number;
  /** Why the region has not taken what was declared last. */
  declined: Declined | undefined;
  now: number;
}

/** One entry for each pod that is or was, and one for pods that the cluster refuses to make or has not made yet. */
export function workloadEvidence(sight: Sight): Evidence[] {
  const present = sight.pods.map((pod) => evidenceOf(pod, sight));
  const gone = sight.gone.map(({ pod, at }): Evidence => goneEvidence(evidenceOf(pod, sight), at));
  const refusal = declined(sight) ?? refused(sight);
  return [...gone, ...present, ...(refusal ?? (present.every(hasEnded) ? unmade(sight) : []))];
}

const hasEnded = ({ state }: Evidence) => state === 'gone';

function evidenceOf(pod: Pod, sight: Sight): Evidence {
  const container = pod.spec.containers.find(({ name }) => name === CONTAINER);
  const { type, count } = gpuOf(container, sight.site);
  const offer = sight.offers.find(({ gpu }) => gpu === type);
  return {
    id: pod.metadata.name,
    workload_id: sight.workload_id,
    region: sight.region,
    ...podEvidence({
      pod,
      events: sight.eventsOf(pod.metadata.uid),
      node: sight.nodeOf(pod.spec.nodeName),
      room: {
        region: sight.region,
        gpu: { type, count },
        free: offer?.free ?? 0,
        total: offer?.total ?? 0,
        largest_free_block: offer?.largest_free_block ?? 0,
      },
      image: container?.image ?? '',
      remembered: sight.rememberedOf(pod),
      generation: sight.generation,
      port: container?.ports?.[0]?.containerPort ?? PORT,
      now: sight.now,
    }),
  };
}

/** A pod that is deleted has told its end; one whose end nobody saw ended when it was deleted. */
const goneEvidence = (evidence: Evidence, at: number): Evidence => ({
  ...evidence,
  state: 'gone',
  address: null,
  is_hopeless: false,
  ended_at: evidence.ended_at ?? at,
});

function gpuOf(container: Pod['spec']['containers'][number] | undefined, { offers }: Site) {
  const limits = container?.resources?.limits ?? {};
  const offer = offers.find(({ resource }) => limits[resource] !== undefined);
  return {
    type: container?.env?.find(({ name }) => name === 'ECO_GPU')?.value ?? offer?.type ?? '',
    count: Number(limits[offer?.resource ?? ''] ?? 0),
  };
}

function declined(sight: Sight): Evidence[] | undefined {
  if (!sight.declined) return undefined;
  const { reason, message, isHopeless } = sight.declined;
  const judged = verdict(reason, `${sight.region} does not take it: ${message}`);
  return [{ ...placeholder(sight, judged), is_hopeless: isHopeless }];
}

/** Where a quota or a policy forbids a pod there is none to ask: its ReplicaSet says why. */
function refused(sight: Sight): Evidence[] | undefined {
  const failing = sight.replicaSets.find((each) => refusalOf(each) !== undefined);
  const live = sight.pods.filter(({ status }) => status?.phase !== 'Failed' && status?.phase !== 'Succeeded');
  if (!failing || live.length >= (failing.spec?.replicas ?? 0)) return undefined;
  return [{ ...placeholder(sight, refusalVerdict(refusalOf(failing)?.message)), is_hopeless: true }];
}

const refusalOf = ({ status }: ReplicaSet) =>
  status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');

/** A Deployment none of whose pods lives yet, or any more: as long as it is there, pods may come of it. */
function unmade(sight: Sight): Evidence[] {
  const { deployment } = sight;
  if (!deployment) return [];
  if (deployment.metadata.deletionTimestamp === undefined)
    return [placeholder(sight, verdict('scheduled', 'The cluster has not made its pods yet.'))];
  return [{ ...placeholder(sight, verdict('replicas_stopping', 'The cluster is removing it.')), state: 'stopping' }];
}

const placeholder = ({ site, workload_id, region, generation }: Sight, judged: Verdict): Evidence => ({
  id: `${objectName(site.installation, workload_id)}-${region}`,
  workload_id,
  region,
  node: null,
  state: 'pending',
  ...judged,
  is_hopeless: false,
  is_placeholder: true,
  restarts: 0,
  restarted_at: [],
  pid: null,
  address: null,
  generation,
  started_at: null,
  ready_at: null,
  ended_at: null,
  exit_code: null,
});

function refusalVerdict(said: string | undefined): Verdict {
  const text = quoted(said);
  if (/exceeded quota/.test(text)) return verdict('quota_exceeded', `The cluster's quota forbids another pod: ${text}`);
  if (/violates PodSecurity/.test(text))
    return verdict('policy_violation', `The cluster's policy forbids this pod: ${text}`);
  return verdict('bad_config', `The cluster refuses this pod: ${text}`);
}
