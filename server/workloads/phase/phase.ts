import type { Reason } from '../../../sdk/contract/index.ts';
import type { Memory } from '../memory.ts';
import { listAll, sentence } from '../sentence.ts';
import { type Fatal, findFatal, tooLong } from './fatal.ts';
import { hintOf } from './hint.ts';
import { live, type Phase, type RegionSeen, ready, type Seen, type Subject, tell } from './seen.ts';
import { advance, deadlineOf, waitOf } from './waiting.ts';

type Verdict = Pick<Phase, 'state' | 'reason' | 'message' | 'hint'>;

/**
 * From what was asked for and what was seen to one state with its reason. A workload fails only while no replica
 * serves; the first fatal cause is kept until it is resumed; only a confirmation by every region, also by those that it
 * has `left`, makes it `stopped`.
 */
export function phase(
  subject: Subject,
  regions: readonly RegionSeen[],
  now: number,
  left: readonly RegionSeen[] = [],
): Phase {
  const all = [...regions, ...left];
  const gone = all.every((region) => region.unreachable === null && live(region).length === 0);
  if (subject.desired !== 'running')
    return { ...ending(subject, all, gone), memory: rest(subject), deadline: null, gone };
  const fatal = subject.memory.fatal ?? findFatal(subject, regions, now);
  if (fatal) return failed(subject, fatal, gone);
  if (regions.some((region) => ready(region) > 0))
    return { ...serving(subject, regions), memory: rest(subject), deadline: null, gone };

  const wait = waitOf(subject, regions);
  const memory = advance(subject.memory, wait, now);
  const deadline = deadlineOf(memory, wait);
  if (now >= deadline) return failed({ ...subject, memory }, tooLong(subject, wait), gone);
  const { state, reason, message, hint } = wait;
  return { state, reason, message, hint, memory, deadline, gone };
}

/** Nothing is waited for. */
const rest = ({ memory }: Subject): Memory => ({ ...memory, waiting: null, waited: {} });

function failed({ memory }: Subject, fatal: Fatal, gone: boolean): Phase {
  return { state: 'failed', ...fatal, memory: { ...memory, fatal, waiting: null, waited: {} }, deadline: null, gone };
}

function ending({ id, ref, desired, memory }: Subject, regions: readonly RegionSeen[], gone: boolean): Verdict {
  const final = desired === 'terminated' ? 'terminated' : 'stopped';
  const reason = memory.ended_by ?? (final === 'terminated' ? 'terminated_by_user' : 'stopped_by_user');
  if (gone && final === 'terminated') return { state: final, reason, message: `${ref} was terminated.`, hint: null };
  if (gone && reason === 'credit_depleted')
    return {
      state: final,
      reason,
      message: `${ref} was stopped: the balance is used up.`,
      hint: 'eco billing balance',
    };
  if (gone) return { state: final, reason, message: `${ref} was stopped.`, hint: `eco resume ${id}` };
  const silent = regions.find((region) => region.unreachable !== null);
  if (silent)
    return {
      state: 'stopping',
      reason: 'region_unreachable',
      message: sentence(`Waiting for ${silent.region} to confirm that no replica is left: ${silent.unreachable}`),
      hint: 'eco regions',
    };
  const left = regions
    .filter((region) => live(region).length > 0)
    .map((region) => `${live(region).length} in ${region.region}`);
  return {
    state: 'stopping',
    reason: 'replicas_stopping',
    message: `Replicas are stopping: ${listAll(left)}.`,
    hint: null,
  };
}

function serving({ id, replicas }: Subject, regions: readonly RegionSeen[]): Verdict {
  const wanted = replicas * regions.length;
  const up = regions.reduce((sum, region) => sum + Math.min(replicas, ready(region)), 0);
  const silent = regions.find((region) => region.unreachable !== null);
  const refusal = regions.flatMap(live).find(isRefusal);
  if (up === wanted && !silent && !refusal)
    return { state: 'running', reason: 'ready', message: allReady(wanted), hint: null };
  const count = `${up} of ${wanted} replicas ready`;
  if (silent)
    return {
      state: 'degraded',
      reason: 'region_unreachable',
      message: sentence(`${count} as last seen; ${silent.region} cannot be asked: ${silent.unreachable}`),
      hint: 'eco regions',
    };
  const hindered = regions.filter((region) => ready(region) < replicas);
  const late = refusal ?? hindered.flatMap(live).find((replica) => replica.state !== 'ready');
  if (late)
    return {
      state: 'degraded',
      reason: late.reason as Reason,
      message: sentence(`${count}. ${tell(late)}`),
      hint: hintOf(late.reason as Reason, id),
    };
  const where = listAll(hindered.map(({ region }) => region));
  return { state: 'degraded', reason: 'scaling', message: `${count}; more are being started in ${where}.`, hint: null };
}

const isRefusal = ({ is_placeholder, reason }: Seen) => is_placeholder === true && reason !== 'scheduled';

const allReady = (count: number) => (count === 1 ? 'Its replica is ready.' : `All ${count} replicas are ready.`);
