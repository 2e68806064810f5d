import type { Offer } from '../../../sdk/contract/index.ts';
import { isLive, type Slot } from './slot.ts';

export interface LocalGpu {
  type: string;
  count: number;
  price_per_hour: string;
  /** Of this machine, as CUDA_VISIBLE_DEVICES takes them, one for each; undefined: they are simulated. */
  devices?: readonly string[] | undefined;
}

/** GPUs of one type that no live slot holds. */
export function freeGpus(gpus: readonly LocalGpu[], type: string, slots: readonly Slot[]): string[] {
  const held = new Set(slots.filter(isLive).flatMap(({ state }) => state.gpus ?? []));
  return namesOf(gpus, type).filter((name) => !held.has(name));
}

/** Numbers go on from type to type. No such device exists, so a program that looks for one finds none, and takes no real one. */
function namesOf(gpus: readonly LocalGpu[], type: string): readonly string[] {
  const at = gpus.findIndex((gpu) => gpu.type === type);
  const { count = 0, devices } = gpus[at] ?? {};
  const first = gpus.slice(0, at).reduce((sum, gpu) => sum + gpu.count, 0);
  return devices ?? Array.from({ length: count }, (_, index) => `simulated-${first + index}`);
}

/** A local region is one node: its largest free block is all that is free. */
export function offersOf(gpus: readonly LocalGpu[], slots: readonly Slot[]): Offer[] {
  return gpus.map(({ type, count, price_per_hour, devices }) => {
    const free = freeGpus(gpus, type, slots).length;
    const simulated = devices === undefined;
    return { gpu: type, price_per_hour, total: count, free, largest_free_block: free, simulated };
  });
}
