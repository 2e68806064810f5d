import type { Offer } from '../../../sdk/contract/index.ts';
import { isLive, type Slot } from './slot.ts';

export interface LocalGpu {
  type: string;
  count: number;
  price_per_hour: string;
}

/** Indices of one type that no live slot holds. Indices go on from type to type, as on a machine with several. */
export function freeIndices(gpus: readonly LocalGpu[], type: string, slots: readonly Slot[]): number[] {
  const at = gpus.findIndex((gpu) => gpu.type === type);
  const first = gpus.slice(0, at).reduce((sum, { count }) => sum + count, 0);
  const held = new Set(slots.filter(isLive).flatMap(({ state }) => state.gpus ?? []));
  return Array.from({ length: gpus[at]?.count ?? 0 }, (_, index) => first + index).filter((index) => !held.has(index));
}

/** A local region is one node: its largest free block is all that is free. */
export function offersOf(gpus: readonly LocalGpu[], slots: readonly Slot[]): Offer[] {
  return gpus.map(({ type, count, price_per_hour }) => {
    const free = freeIndices(gpus, type, slots).length;
    return { gpu: type, price_per_hour, total: count, free, largest_free_block: free, simulated: true };
  });
}
