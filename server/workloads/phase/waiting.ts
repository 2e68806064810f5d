import type { Reason, WorkloadState } from '../../../sdk/contract/index.ts';
import type { Memory } from '../memory.ts';
import { sentence } from '../sentence.ts';
import { hintOf } from './hint.ts';
import { live, type RegionSeen, type Seen, type Subject, tell } from './seen.ts';

/** What a workload waits for while none of its replicas is ready. */
export interface Wait {
  state: WorkloadState;
  reason: Reason;
  message: string;
  hint: string | null;
  /** How long this may last before it is a failure. */
  limitMs: number;
}

export const QUICK_MS = 10 * 60_000;
export const NO_CAPACITY_MS = 30 * 60_000;
export const PULLING_MS = 45 * 60_000;

/** The wait of the replica that is furthest: it will serve first. */
export function waitOf(subject: Subject, regions: readonly RegionSeen[]): Wait {
  const replicas = regions.flatMap(live);
  const silent = regions.find((region) => region.unreachable !== null);
  const furthest = replicas.toSorted((a, b) => progressOf(b) - progressOf(a))[0];
  if (silent && (furthest === undefined || silent.replicas.includes(furthest)))
    return {
      state: 'pending',
      reason: 'region_unreachable',
      message: sentence(`${silent.region} cannot be reached: ${silent.unreachable}`),
      hint: 'eco regions',
      limitMs: QUICK_MS,
    };
  if (!furthest)
    return {
      state: 'pending',
      reason: 'scheduled',
      message: `${subject.ref} is being started.`,
      hint: null,
      limitMs: QUICK_MS,
    };
  const state = stateOf(furthest);
  const reason = furthest.reason as Reason;
  return {
    state,
    reason,
    message: sentence(tell(furthest)),
    hint: hintOf(reason, subject.id),
    limitMs: limitOf(state, reason, subject),
  };
}

const PROGRESS = ['gone', 'stopping', 'pending', 'restarting', 'pulling', 'loading', 'unready', 'ready'];
const progressOf = ({ state }: Seen) => PROGRESS.indexOf(state);

function stateOf({ state }: Seen): WorkloadState {
  if (state === 'pulling') return 'pulling';
  return state === 'pending' || state === 'stopping' ? 'pending' : 'loading';
}

function limitOf(state: WorkloadState, reason: Reason, { startup_seconds }: Subject): number {
  if (reason === 'no_capacity') return NO_CAPACITY_MS;
  if (state === 'pulling' && !HINDRANCES.has(reason)) return PULLING_MS;
  return isStartup({ state, reason }) ? startup_seconds * 1000 : QUICK_MS;
}

/** They keep the download from beginning. */
const HINDRANCES = new Set<Reason>(['volume_unavailable', 'sandbox_failed']);

/** What the startup budget of the launch is for. */
export const isStartup = ({ state, reason }: Pick<Wait, 'state' | 'reason'>): boolean =>
  state === 'loading' && (reason === 'loading_model' || reason === 'starting');

const keyOf = ({ state, reason }: Wait) => `${state} ${reason}`;

/** Moves the clocks on. What was waited for before counts on when it comes back, so that two causes cannot take turns for ever. */
export function advance(memory: Memory, wait: Wait, now: number): Memory {
  const key = keyOf(wait);
  const { waiting, waited } = memory;
  if (waiting?.key === key) return memory;
  const spent = waiting
    ? { ...waited, [waiting.key]: (waited[waiting.key] ?? 0) + Math.max(0, now - waiting.since) }
    : waited;
  return { ...memory, waiting: { key, since: now }, waited: spent };
}

export function deadlineOf({ waiting, waited }: Memory, wait: Wait): number {
  return (waiting?.since ?? 0) + wait.limitMs - (waited[keyOf(wait)] ?? 0);
}
