import type { WorkloadSpec } from './spec.ts';

type Priced = Pick<WorkloadSpec, 'placements' | 'replicas' | 'gpu'>;
type Movable = Priced & Pick<WorkloadSpec, 'candidates'>;

/** Nano-dollars per hour with all replicas up, at the prices of the launch. */
export const rateOf = ({ placements, replicas, gpu }: Priced): bigint =>
  placements.reduce((sum, { price_nanos }) => sum + price_nanos, 0n) * BigInt(replicas * gpu.count);

/** What so many hours of all replicas cost. */
export const holdOf = (spec: Priced, hours: number): bigint => rateOf(spec) * BigInt(hours);

/** What they cost in the dearest regions that it may still come to run in. */
export function dearestHoldOf(spec: Movable, hours: number): bigint {
  const dearestFirst = [...spec.placements, ...spec.candidates].toSorted((a, b) =>
    Number(b.price_nanos - a.price_nanos),
  );
  return holdOf({ ...spec, placements: dearestFirst.slice(0, spec.placements.length) }, hours);
}
