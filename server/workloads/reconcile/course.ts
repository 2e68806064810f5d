import type { Circuit } from '../../regions/circuit.ts';
import type { Memory } from '../memory.ts';
import { findLeaving, findTarget, isPlaced, moved, noteStuck, type Offers } from '../phase/move.ts';
import { live, type Phase, type RegionSeen, type Subject } from '../phase/seen.ts';
import type { WorkloadSpec } from '../spec.ts';

/** Where a workload goes on from here. */
export interface Course {
  spec: WorkloadSpec;
  memory: Memory;
  move: { from: string; to: string } | undefined;
  /** From now on it stays where it is, so that its hold need not cover other regions any more. */
  isPlaced: boolean;
  hasChanged: boolean;
}

interface Position {
  subject: Subject;
  spec: WorkloadSpec;
  phase: Phase;
  regions: readonly RegionSeen[];
  left: readonly RegionSeen[];
}

/** Leaves a region that cannot take its replicas for one that can, and forgets regions that have nothing left of it. */
export async function setCourse(circuit: Circuit, position: Position, now: number): Promise<Course> {
  const { subject, phase, regions, left } = position;
  const confirmed = new Set(
    left.filter((seen) => seen.unreachable === null && live(seen).length === 0).map(({ region }) => region),
  );
  const spec = { ...position.spec, left: position.spec.left.filter((region) => !confirmed.has(region)) };
  const course = { spec, memory: phase.memory, move: undefined, isPlaced: false, hasChanged: confirmed.size > 0 };
  if (subject.desired !== 'running' || phase.state === 'failed' || !subject.mayMove) return course;
  if (isPlaced(spec, regions))
    return { ...course, spec: { ...spec, candidates: [] }, isPlaced: true, hasChanged: true };

  const memory = noteStuck(phase.memory, regions, now);
  const from = findLeaving(spec, memory, now);
  const to = from === undefined ? undefined : findTarget(spec, await askOffers(circuit, spec));
  if (from === undefined || to === undefined) return { ...course, memory };
  return {
    ...course,
    spec: moved(spec, { from, to }),
    memory: { ...memory, stuck: {}, waiting: null, waited: {} },
    move: { from, to },
    hasChanged: true,
  };
}

async function askOffers(circuit: Circuit, { candidates }: WorkloadSpec): Promise<Offers> {
  const asked = candidates.map(async ({ region }) => {
    const offers = await circuit.ask(region, (driver) => driver.offers()).catch(() => []);
    return [region, offers] as const;
  });
  return new Map(await Promise.all(asked));
}
