import type { Evidence } from '../../driver.ts';
import { CONTAINER } from '../manifest/names.ts';
import type { Remembered } from '../memory.ts';
import type { KubeEvent, Node, Pod } from '../objects.ts';
import { type Judged, judgeContainer, judgeEnd } from './container.ts';
import { type Room, schedulingVerdict } from './scheduling.ts';
import { quoted, verdict } from './verdict.ts';

export interface Sighting {
  pod: Pod;
  /** Of this pod, oldest first. */
  events: readonly KubeEvent[];
  /** The node it is on, if known. */
  node: Node | undefined;
  room: Room;
  image: string;
  /** What the pod itself forgets. */
  remembered: Remembered;
  generation: number;
  port: number;
  now: number;
}

type Told = Omit<Evidence, 'id' | 'workload_id' | 'region'>;

/** One pod as the loop understands it: state, reason, a sentence, and since when it has its GPUs. */
export function podEvidence(sighting: Sighting): Told {
  const { pod, remembered, generation, port } = sighting;
  const status = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  const { state, reason, message, isHopeless = false } = judgePod(sighting);
  const terminated = status?.state?.terminated;
  const ended = terminated ?? status?.lastState?.terminated;
  const isReady = state === 'ready';
  return {
    node: pod.spec.nodeName ?? null,
    state,
    reason,
    message,
    is_hopeless: isHopeless,
    is_placed: pod.spec.nodeName !== undefined && state !== 'gone',
    restarts: status?.restartCount ?? 0,
    restarted_at: restartsOf(status?.restartCount ?? 0, {
      isLooping: isLooping(pod),
      remembered,
      ended_at: timeOf(ended?.finishedAt),
    }),
    pid: null,
    address: pod.status?.podIP && state !== 'gone' ? `${hostOf(pod.status.podIP)}:${port}` : null,
    generation,
    started_at: remembered.started_at,
    ready_at: isReady ? (remembered.ready_at ?? readyAt(pod)) : remembered.ready_at,
    ended_at: state === 'gone' ? (timeOf(terminated?.finishedAt) ?? sighting.now) : null,
    exit_code: ended?.exitCode ?? null,
    last_end: ended && judgeEnd(ended, sighting.events).message,
  };
}

function judgePod({ pod, events, node, room, image, remembered, now }: Sighting): Judged {
  const { phase, reason, message } = pod.status ?? {};
  if (phase === 'Failed' || phase === 'Succeeded') return { state: 'gone', ...judgeGone(pod, events) };
  if (isLost(node, now))
    return { state: 'unready', ...verdict('node_lost', `Its node ${pod.spec.nodeName} does not answer any more.`) };
  if (pod.metadata.deletionTimestamp !== undefined)
    return { state: 'stopping', ...(disruptionOf(pod) ?? verdict('replicas_stopping', 'Finishing its requests.')) };
  const scheduling = schedulingVerdict(pod, room);
  if (scheduling) return { state: 'pending', ...scheduling, isHopeless: scheduling.reason === 'no_such_gpu' };
  if (pod.spec.nodeName === undefined)
    return {
      state: 'pending',
      ...verdict('scheduled', quoted(message ?? reason) || 'Waiting to be placed on a node.'),
    };
  const status = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  const sincePlacedMs = now - (placedAt(pod) ?? now);
  return judgeContainer(status, { image, events, sincePlacedMs, wasReady: remembered.ready_at !== null });
}

/** A pod that will not run again: thrown out, or ended by itself. */
function judgeGone(pod: Pod, events: readonly KubeEvent[]) {
  const { reason, message } = pod.status ?? {};
  if (reason === 'Evicted') return verdict('evicted', `Its node threw it out: ${quoted(message)}`);
  const disrupted = disruptionOf(pod);
  if (disrupted) return disrupted;
  if (pod.metadata.deletionTimestamp !== undefined) return verdict('replicas_stopping', 'Ended as it was told to.');
  const ended = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state?.terminated;
  return ended ? judgeEnd(ended, events) : verdict('crashed', quoted(message) || 'It ended.');
}

function disruptionOf(pod: Pod) {
  const target = pod.status?.conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  if (!target) return undefined;
  if (target.reason === 'PreemptionByScheduler')
    return verdict('preempted', `Other work took its place: ${quoted(target.message)}`);
  if (target.reason === 'DeletionByTaintManager')
    return verdict('node_lost', `Its node was lost: ${quoted(target.message)}`);
  return verdict('evicted', `It was moved off its node: ${quoted(target.message)}`);
}

/**
 * Whenever an API server was away for a while, all nodes count as unknown until they have said something: their pods go
 * on. The gateway notices by itself which do not answer.
 */
const DOUBT_MS = 20_000;

const isLost = (node: Node | undefined, now: number) =>
  node?.status?.conditions?.some(
    ({ type, status, lastTransitionTime }) =>
      type === 'Ready' && status === 'Unknown' && now - (timeOf(lastTransitionTime) ?? 0) >= DOUBT_MS,
  ) ?? false;

const isLooping = (pod: Pod) =>
  pod.status?.containerStatuses?.some(
    ({ name, state }) => name === CONTAINER && state?.waiting?.reason === 'CrashLoopBackOff',
  ) ?? false;

const RESTARTS_REMEMBERED_MAX = 10;

interface Restarts {
  isLooping: boolean;
  remembered: Sighting['remembered'];
  ended_at: number | null;
}

/** A back-off says that all its restarts were quick ones, also to a server that has not seen them. */
function restartsOf(count: number, { isLooping, remembered, ended_at }: Restarts): number[] {
  const seen = remembered.restarted_at;
  if (!isLooping || ended_at === null || seen.length >= count) return seen.slice(-RESTARTS_REMEMBERED_MAX);
  return Array.from({ length: Math.min(count, RESTARTS_REMEMBERED_MAX) }, () => ended_at);
}

/** When it was bound to its node. */
function placedAt(pod: Pod): number | null {
  const placed = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'True');
  return timeOf(placed?.lastTransitionTime) ?? timeOf(pod.status?.startTime);
}

function readyAt(pod: Pod): number | null {
  const ready = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True');
  return timeOf(ready?.lastTransitionTime);
}

function timeOf(text: string | undefined): number | null {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return time > 0 ? time : null; // Kubernetes writes 1970 where it does not know
}

const hostOf = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip);
