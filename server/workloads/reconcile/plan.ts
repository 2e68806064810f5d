import type { Deployment } from '../../cluster/driver.ts';
import type { HoldRow, ReplicaRow } from '../../db/schema.ts';
import type { Phase, RegionSeen, Subject } from '../phase/seen.ts';

/** What to declare in a region: so many replicas, or none. */
export type Declaration = Pick<Deployment, 'region' | 'replicas'>;

/**
 * What each region that answers should be told. Nothing is created for a workload that is meant to end or has failed,
 * and nothing is said once all is confirmed gone.
 */
export function planRegions(subject: Subject, { state, gone }: Phase, regions: readonly RegionSeen[]): Declaration[] {
  const wanted = subject.desired === 'running' && state !== 'failed' ? subject.replicas : 0;
  if (wanted === 0 && gone) return [];
  return regions.filter((region) => region.unreachable === null).map(({ region }) => ({ region, replicas: wanted }));
}

/** Regions that were left get nothing, until they say that nothing is there. */
export const planLeft = (left: readonly RegionSeen[]): Declaration[] =>
  left.filter(({ unreachable }) => unreachable === null).map(({ region }) => ({ region, replicas: 0 }));

export type MoneyAction = { type: 'settle' } | { type: 'start_clock'; covers_until: number } | { type: 'renew' };

const HOUR_MS = 3_600_000n;

interface Money {
  hold: HoldRow | undefined;
  /** With all replicas up; 0n where nothing is charged. */
  rate_nanos: bigint;
  replicas: readonly Pick<ReplicaRow, 'started_at' | 'ended_at'>[];
  now: number;
}

/** A hold is used up from the first start on, renewed when it has paid for all it can, and settled when all is gone. */
export function planMoney({ state, gone }: Phase, { hold, rate_nanos, replicas, now }: Money): MoneyAction[] {
  if (isOver(state, gone)) return [{ type: 'settle' }];
  if (!hold || rate_nanos === 0n) return [];
  if (hold.covers_until !== null) return now >= hold.covers_until && !isEnding(state) ? [{ type: 'renew' }] : [];
  const starts = replicas
    .filter(({ ended_at }) => ended_at === null || ended_at > hold.opened_at)
    .flatMap(({ started_at }) => started_at ?? []);
  if (starts.length === 0) return [];
  const from = Math.max(hold.opened_at, Math.min(...starts));
  return [{ type: 'start_clock', covers_until: from + Number((hold.amount_nanos * HOUR_MS) / rate_nanos) }];
}

/** Nothing runs any more, and nothing is to be started. */
export const isOver = (state: Phase['state'], gone: boolean): boolean => gone && isFinal(state);

/** It does not run and nothing is under way to make it run. */
export const isFinal = (state: Phase['state']): boolean =>
  state === 'stopped' || state === 'failed' || state === 'terminated';

const isEnding = (state: Phase['state']) => state === 'failed' || state === 'stopping';

/** How long a state may go unseen where no region reports a change. */
const LOOK_AGAIN_MS: Record<Phase['state'], number> = {
  pending: 5_000,
  pulling: 10_000,
  loading: 5_000,
  running: 60_000,
  degraded: 5_000,
  stopping: 1_000,
  stopped: 1_000,
  failed: 1_000,
  terminated: 1_000,
};

/** When the next pass is due: by state, or at the exact time of a deadline or renewal; null when nothing is left to do. */
export function planNext({ state, deadline, gone }: Phase, covers_until: number | null, now: number): number | null {
  if (isOver(state, gone)) return null;
  const renewal = isEnding(state) ? null : covers_until;
  const times = [now + LOOK_AGAIN_MS[state], deadline, renewal].filter((time) => time !== null);
  return Math.max(now + 1, Math.min(...times));
}
