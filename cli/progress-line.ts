import type { Workload } from '../sdk/index.ts';

/** A workload in one line, for those who read changes one after the other. */
export function progressLine(workload: Workload): string {
  const { ref, state, message } = workload;
  return [ref, state, readiness(workload), message].filter(Boolean).join('  ');
}

/** `1/2 ready`; nothing where nothing is to run. */
export function readiness({ regions }: Pick<Workload, 'regions'>): string {
  const ready = regions.reduce((sum, region) => sum + region.ready, 0);
  const desired = regions.reduce((sum, region) => sum + region.desired, 0);
  return desired === 0 ? '' : `${ready}/${desired} ready`;
}
