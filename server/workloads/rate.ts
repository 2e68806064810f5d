import type { WorkloadSpec } from './spec.ts';

type Priced = Pick<WorkloadSpec, 'placements' | 'replicas' | 'gpu'>;

/** Nano-dollars per hour with all replicas up, at the prices of the launch. */
export const rateOf = ({ placements, replicas, gpu }: Priced): bigint =>
  placements.reduce((sum, { price_nanos }) => sum + price_nanos, 0n) * BigInt(replicas * gpu.count);

/** What so many hours of all replicas cost. */
export const holdOf = (spec: Priced, hours: number): bigint => rateOf(spec) * BigInt(hours);
