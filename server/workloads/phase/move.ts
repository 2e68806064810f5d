import type { Offer } from '../../../sdk/contract/index.ts';
import { fits } from '../launch/capacity.ts';
import type { Memory } from '../memory.ts';
import type { WorkloadSpec } from '../spec.ts';
import { live, type RegionSeen, ready } from './seen.ts';

/** A region that cannot take its replicas for so long is left for another, at the next look: within 15 s of the first one. */
export const MOVE_AFTER_MS = 10_000;

/** Reasons that another region may not have. */
const OF_THE_REGION = new Set([
  'no_capacity',
  'no_such_gpu',
  'nodes_unavailable',
  'volume_unavailable',
  'quota_exceeded',
  'policy_violation',
]);

export const isOfTheRegion = (reason: string): boolean => OF_THE_REGION.has(reason);

/** Since when each region has not been able to take what it should. */
export function noteStuck(memory: Memory, regions: readonly RegionSeen[], now: number): Memory {
  const stuck = regions.filter(isStuck).map(({ region }) => [region, memory.stuck[region] ?? now] as const);
  return { ...memory, stuck: Object.fromEntries(stuck) };
}

/** Nothing has started there, and not because it is still under way. */
function isStuck(seen: RegionSeen): boolean {
  if (ready(seen) > 0 || seen.replicas.some(({ started_at, state }) => started_at !== null && state !== 'gone'))
    return false;
  if (seen.unreachable !== null) return true;
  const waiting = live(seen);
  return waiting.length > 0 && waiting.every(({ reason }) => isOfTheRegion(reason));
}

/** The first region of the spec that has been stuck for long enough, where there are others to go to. */
export function findLeaving(
  { placements, candidates }: WorkloadSpec,
  { stuck }: Memory,
  now: number,
): string | undefined {
  if (candidates.length === 0) return undefined;
  return placements.find(({ region }) => now - (stuck[region] ?? now) >= MOVE_AFTER_MS)?.region;
}

export type Offers = ReadonlyMap<string, readonly Offer[]>;

/** The candidate with most room for what one region has to take; undefined where none has enough. */
export function findTarget({ candidates, gpu, replicas }: WorkloadSpec, offers: Offers): string | undefined {
  const rooms = candidates.flatMap(({ region }) => {
    const offer = offers.get(region)?.find((each) => each.gpu === gpu.type);
    return offer && fits(offer, replicas, gpu.count) ? [{ region, free: offer.free }] : [];
  });
  return rooms.toSorted((a, b) => b.free - a.free)[0]?.region;
}

/** The spec with another region in place of one that is left; it may come back to that later. */
export function moved(spec: WorkloadSpec, { from, to }: { from: string; to: string }): WorkloadSpec {
  const target = spec.candidates.find(({ region }) => region === to);
  const source = spec.placements.find(({ region }) => region === from);
  if (!target || !source) return spec;
  return {
    ...spec,
    placements: spec.placements.map((each) => (each === source ? target : each)),
    candidates: [...spec.candidates.filter((each) => each !== target), source],
    left: [...spec.left.filter((region) => region !== to && region !== from), from],
  };
}

/** Once every region has begun it stays where it is. */
export function isPlaced({ candidates }: WorkloadSpec, regions: readonly RegionSeen[]): boolean {
  return (
    candidates.length > 0 && regions.every(({ replicas }) => replicas.some(({ started_at }) => started_at !== null))
  );
}
