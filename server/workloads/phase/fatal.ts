import type { Reason } from '../../../sdk/contract/index.ts';
import type { Memory } from '../memory.ts';
import { sentence } from '../sentence.ts';
import { hintOf } from './hint.ts';
import { isOfTheRegion } from './move.ts';
import { live, type RegionSeen, ready, type Seen, type Subject, tell } from './seen.ts';
import { isStartup, type Wait } from './waiting.ts';

/** A verdict that ends an attempt to run. */
export type Fatal = NonNullable<Memory['fatal']>;

export const CRASHES_MAX = 3;
export const CRASH_WINDOW_MS = 600_000;

/** Reasons that no waiting cures, where a region does not say it itself. */
const HOPELESS = new Set(['bad_config', 'startup_timeout']);

const isHopeless = ({ reason, is_hopeless }: Seen) => is_hopeless ?? HOPELESS.has(reason);

/** What ends this attempt: every replica there is stands before the same wall, and none is ready. */
export function findFatal(
  { id, memory, mayMove }: Subject,
  regions: readonly RegionSeen[],
  now: number,
): Fatal | undefined {
  if (regions.some((region) => ready(region) > 0)) return undefined;
  const all = regions.flatMap(live);
  const made = all.filter((replica) => !replica.is_placeholder);
  const present = made.length > 0 ? made : all;
  const since = memory.attempt_at;
  const lost = regions.flatMap(({ replicas }) => replicas).filter((replica) => isLost(replica, since));
  const replicas = present.length > 0 ? present : lost;

  const [first] = replicas;
  if (!first) return undefined;
  if (mayMove && replicas.some(({ reason }) => isOfTheRegion(reason))) return undefined;
  if (replicas.every(isHopeless)) return fatal(id, first.reason as Reason, tell(first));
  const from = Math.max(since, now - CRASH_WINDOW_MS);
  const doomed = present.length > 0 ? findLooping(present, from) : lastCrashed(lost, from);
  if (!doomed) return undefined;
  const reason = CAUSES.has(doomed.reason) ? (doomed.reason as Reason) : 'crashed';
  return fatal(id, reason, `Crashed ${CRASHES_MAX} times within ${CRASH_WINDOW_MS / 60_000} minutes. ${tell(doomed)}`);
}

const fatal = (id: number, reason: Reason, message: string): Fatal => ({
  reason,
  message: sentence(message),
  hint: hintOf(reason, id),
});

/** Ends of a process that say more than that it ended. */
const CAUSES = new Set(['oom_host', 'unresponsive', 'bad_config']);

const isLost = ({ state, ended_at }: Seen, since: number) => state === 'gone' && ended_at !== null && ended_at >= since;

/** Where all loop: one that is between two tries, and so tells how it ended. */
function findLooping(replicas: readonly Seen[], from: number): Seen | undefined {
  const isLooping = ({ restarted_at }: Seen) => restarted_at.filter((at) => at >= from).length >= CRASHES_MAX;
  return replicas.every(isLooping) ? replicas.find(({ state }) => state === 'restarting') : undefined;
}

/** The last of so many replicas that ended instead of being restarted. */
function lastCrashed(lost: readonly Seen[], from: number): Seen | undefined {
  const crashed = lost.filter(({ reason, ended_at }) => reason === 'crashed' && (ended_at ?? 0) >= from);
  return crashed.length >= CRASHES_MAX ? crashed.at(-1) : undefined;
}

/** The verdict over a wait that took longer than it may. */
export function tooLong({ id, ref, startup_seconds }: Subject, wait: Wait): Fatal {
  const { reason, message, limitMs } = wait;
  if (isStartup(wait))
    return fatal(
      id,
      'startup_timeout',
      `No replica of ${ref} was ready within its startup budget of ${startup_seconds} s.`,
    );
  const hint = hintOf(reason, id) ?? `eco events ${id}`;
  return { ...fatal(id, reason, `Gave up after ${Math.round(limitMs / 60_000)} minutes. ${message}`), hint };
}
