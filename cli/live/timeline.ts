import type { Replica, Workload, WorkloadState } from '../../sdk/index.ts';

export interface Phase {
  state: WorkloadState;
  at: number;
}

export interface SeenReplica extends Replica {
  /** When it came into its state, as far as that was seen. */
  since: number;
}

/** What was seen of a workload since somebody watches it. */
export interface Timeline {
  workload: Workload;
  /** What its total time counts from. */
  startedAt: number;
  /** Oldest first; the last is the present one. Never empty. */
  phases: readonly Phase[];
  replicas: readonly SeenReplica[];
}

/** The timeline with the workload as it is now. */
export function seeWorkload(earlier: Timeline | undefined, workload: Workload, now: number): Timeline {
  if (!earlier) return beginTimeline(workload, now);
  const isSame = earlier.phases.at(-1)?.state === workload.state;
  const phases = isSame ? earlier.phases : [...earlier.phases, { state: workload.state, at: now }];
  return { ...earlier, workload, phases };
}

/** The timeline with the replicas as they are now; those of a failed workload stay, as they tell why. */
export function seeReplicas(timeline: Timeline, replicas: readonly Replica[], now: number): Timeline {
  const before = new Map(timeline.replicas.map((replica) => [replica.id, replica]));
  const seen = replicas.map((replica) => ({ ...replica, since: sinceOf(replica, before.get(replica.id), now) }));
  const listed = new Set(replicas.map(({ id }) => id));
  const kept = timeline.workload.state === 'failed' ? timeline.replicas.filter(({ id }) => !listed.has(id)) : [];
  return { ...timeline, replicas: [...seen, ...kept].toSorted((a, b) => a.id.localeCompare(b.id)) };
}

/** A first launch counts from its beginning, anything else from the moment it is watched. */
function beginTimeline(workload: Workload, now: number): Timeline {
  const isFirst = workload.generation === 1 && workload.started_at === null;
  const at = Math.min(now, workload.since);
  const startedAt = isFirst ? Math.min(now, workload.created_at) : now;
  return { workload, startedAt, phases: [{ state: workload.state, at }], replicas: [] };
}

/** Servers tell when a replica started and got ready; other changes count from when they were seen. */
function sinceOf({ state, started_at, ready_at }: Replica, before: SeenReplica | undefined, now: number): number {
  if (before) return before.state === state ? before.since : now;
  return Math.min(now, (state === 'ready' ? ready_at : started_at) ?? now);
}
