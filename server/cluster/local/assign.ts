import { saveState } from './folder.ts';
import { freeGpus, type LocalGpu } from './gpus.ts';
import { findFreePort, isFree } from './port.ts';
import { isLive, isStaying, type Slot } from './slot.ts';

/** Gives GPUs to slots that wait for them, oldest first; a small one may pass a large one that does not fit. */
export function assignGpus(slots: readonly Slot[], gpus: readonly LocalGpu[]): void {
  const waiting = slots.filter((slot) => isStaying(slot) && slot.state.gpus === null && slot.state.trouble === null);
  for (const slot of waiting.toSorted((a, b) => a.spec.created_at - b.spec.created_at)) {
    const free = freeGpus(gpus, slot.spec.gpu.type, slots);
    if (free.length < slot.spec.gpu.count) continue;
    slot.state.gpus = free.slice(0, slot.spec.gpu.count);
    saveState(slot);
  }
}

/** The port that is demanded, else the one it had, else any free one. */
export async function assignPort(slot: Slot, slots: readonly Slot[]): Promise<number | string | undefined> {
  const { spec, state } = slot;
  const others = slots.filter((other) => other !== slot && isLive(other));
  if (spec.port === null) {
    if (state.port !== null && (await isFree(state.port))) return state.port;
    return findFreePort(new Set(others.flatMap((other) => other.state.port ?? [])));
  }
  if (await isFree(spec.port)) return spec.port;
  if (others.some(({ state }) => state.stop && state.port === spec.port)) return undefined; // free in a moment
  return `Port ${spec.port} is taken on this machine: launch without a port, and listen on the one in PORT.`;
}
