import type { ReplicaState } from '../../../../sdk/contract/index.ts';
import type { ContainerStatus, KubeEvent, Terminated, Waiting } from '../objects.ts';
import { fingerprintVerdict } from './fingerprints.ts';
import { imageVerdict } from './image.ts';
import { quoted, type Verdict, verdict } from './verdict.ts';

export interface Judged extends Verdict {
  state: ReplicaState;
  /** Trying again will not help. */
  isHopeless?: boolean;
}

export interface Circumstances {
  image: string;
  /** Of this pod, oldest first. */
  events: readonly KubeEvent[];
  /** Milliseconds since the pod was placed on its node. */
  sincePlacedMs: number;
  /** It has answered before. */
  wasReady: boolean;
}

/** What a pod's container is up to. Undefined status: its node has not begun with it. */
export function judgeContainer(status: ContainerStatus | undefined, about: Circumstances): Judged {
  const { waiting, running, terminated } = status?.state ?? {};
  if (status?.ready) return { state: 'ready', reason: 'ready', message: 'Ready.' };
  if (running) return judgeRunning(status, about);
  if (terminated) return judgeRestart(terminated, about);
  const ended = status?.lastState?.terminated;
  if (waiting?.reason === 'CrashLoopBackOff' && ended) return judgeRestart(ended, about);
  if (IMAGE_REASONS.has(waiting?.reason ?? '')) return judgeImage(waiting?.message, about);
  if (CONFIG_REASONS.has(waiting?.reason ?? '')) return judgeConfig(waiting, about);
  return judgePreparation(about);
}

const IMAGE_REASONS = new Set(['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable']);
const CONFIG_REASONS = new Set([
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PostStartHookError',
]);

/** What a node says while it is only late itself. */
const PASSING_CONFIG = /timed out waiting for the condition|context deadline exceeded/;
const SETTLED_MS = 20_000;

/** What has served may do so again, whatever ended it once. */
function judgeRestart(ended: Terminated, { events, wasReady, sincePlacedMs }: Circumstances): Judged {
  const judged = judgeEnd(ended, events);
  const isSettled = judged.reason !== 'bad_config' || sincePlacedMs >= SETTLED_MS;
  return { state: 'restarting', ...judged, isHopeless: judged.isHopeless === true && !wasReady && isSettled };
}

function judgeConfig(waiting: Waiting | undefined, { sincePlacedMs }: Circumstances): Judged {
  const said = quoted(waiting?.message) || waiting?.reason || '';
  const isHopeless =
    !PASSING_CONFIG.test(said) && (waiting?.reason === 'InvalidImageName' || sincePlacedMs >= SETTLED_MS);
  return { state: 'pending', ...verdict('bad_config', `It cannot be started as described: ${said}`), isHopeless };
}

/** After an end it tries again: what that end was is still the best that is known of it. */
function judgeRunning(status: ContainerStatus | undefined, { wasReady, events }: Circumstances): Judged {
  const probe = last(events, 'Unhealthy');
  const said = probe ? `: ${quoted(probe.message)}` : '.';
  const ended = status?.lastState?.terminated;
  const isStarting = ended !== undefined && status?.started === false;
  if (wasReady && !isStarting)
    return { state: 'unready', ...verdict('unresponsive', `Was ready, and does not answer now${said}`) };
  const again = ended ? `Loading again, after this: ${judgeEnd(ended, events).message}` : `Loading${said}`;
  return { state: 'loading', ...verdict('loading_model', again) };
}

const TRIES_MAX = 3;
const TRYING_MAX_MS = 5 * 60_000;
/** Those a later try may well cure. */
const PASSING = new Set(['registry_rate_limited', 'image_network']);

function judgeImage(said: string | undefined, { image, events, sincePlacedMs }: Circumstances): Judged {
  const failure = last(events, 'Failed', /pull/i);
  const judged = imageVerdict(image, `${failure?.message ?? ''} ${/^Back-off/.test(said ?? '') ? '' : (said ?? '')}`);
  const tries = failure ? countOf(failure) : 1;
  const isOver = tries >= TRIES_MAX || sincePlacedMs >= TRYING_MAX_MS;
  return { state: 'pulling', ...judged, isHopeless: isOver && !PASSING.has(judged.reason) };
}

/** Before its container exists: the image is on its way, or something else hinders it. */
function judgePreparation({ events, image }: Circumstances): Judged {
  const hindered = events.findLast(({ reason = '' }) => HINDRANCES.has(reason) || PROGRESS.has(reason));
  const reason = HINDRANCES.get(hindered?.reason ?? '');
  if (reason)
    return { state: 'pulling', ...verdict(reason, `It cannot be prepared yet: ${quoted(hindered?.message)}`) };
  const pulled = last(events, 'Pulled');
  if (pulled) return { state: 'loading', ...verdict('starting', `${quoted(pulled.message)}`) };
  return { state: 'pulling', ...verdict('starting', `The image ${image} is being fetched.`) };
}

const HINDRANCES = new Map([
  ['FailedMount', 'volume_unavailable'],
  ['FailedAttachVolume', 'volume_unavailable'],
  ['FailedCreatePodSandBox', 'sandbox_failed'],
] as const) as ReadonlyMap<string, Verdict['reason']>;
const PROGRESS = new Set(['Pulling', 'Pulled', 'Created', 'Started']);

const SIGKILL_CODE = 137;
/** Runtimes' words for a container that was made and could not be run. */
const UNSTARTED = new Set(['StartError', 'ContainerCannotRun']);

/** Why a container ended. */
export function judgeEnd(ended: Terminated, events: readonly KubeEvent[]): Verdict & { isHopeless?: boolean } {
  const { exitCode, reason, message } = ended;
  if (UNSTARTED.has(reason ?? ''))
    return {
      ...verdict('bad_config', `It cannot be started as described: ${quoted(message)}`),
      isHopeless: !PASSING_CONFIG.test(message ?? ''),
    };
  if (reason === 'OOMKilled')
    return verdict('oom_host', 'It used more memory than it may, and was killed by its node.');
  const killing = exitCode === SIGKILL_CODE ? last(events, 'Killing', /probe/) : undefined;
  if (/startup probe/.test(killing?.message ?? ''))
    return {
      ...verdict('startup_timeout', 'It was not ready within its startup budget, and was ended.'),
      isHopeless: true,
    };
  if (killing) return verdict('unresponsive', `It did not answer any more, and was ended: ${quoted(killing.message)}`);
  const known = fingerprintVerdict(message);
  if (known) return { ...known, isHopeless: true };
  const lastLine = quoted((message ?? '').trim().split('\n').at(-1));
  return verdict('crashed', `Exited with code ${exitCode}${lastLine ? `: ${lastLine}` : '.'}`);
}

function last(events: readonly KubeEvent[], reason: string, pattern?: RegExp): KubeEvent | undefined {
  return events.findLast((event) => event.reason === reason && (pattern?.test(event.message ?? '') ?? true));
}

const countOf = ({ count, series }: KubeEvent) => series?.count ?? count ?? 1;
