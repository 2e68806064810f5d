import { gpusOf, share } from '../cluster/local/deal.ts';
import type { LocalGpu } from '../cluster/local/gpus.ts';
import type { Devices } from '../cluster/local/nvidia.ts';

const NAMES = ['local-a', 'local-b'];

const SIMULATED: readonly LocalGpu[] = [
  { type: 'rtx-pro-6000', count: 8, price_per_hour: '1.60' },
  { type: 'h100', count: 8, price_per_hour: '3.20' },
];

export interface DevRegion {
  name: string;
  kind: 'local';
  gpus: LocalGpu[];
}

/** Both regions have simulated GPUs; what the machine has is shared between them, and takes the place of simulated ones of its type. */
export function planDevRegions({ devices }: Pick<Devices, 'devices'>): DevRegion[] {
  const shares = share(devices, NAMES.length);
  const real = new Set(devices.map(({ type }) => type));
  const simulated = SIMULATED.filter(({ type }) => !real.has(type));
  return NAMES.map((name, at) => ({ name, kind: 'local', gpus: [...gpusOf(shares[at] ?? []), ...simulated] }));
}

/** What of it is real, in a sentence or two. */
export function describeGpus(regions: readonly DevRegion[], { problem }: Pick<Devices, 'problem'>): string {
  const found = regions.flatMap(({ name, gpus }) =>
    gpus.flatMap(({ type, count, devices }) => (devices ? [`${count} × ${type} in ${name}`] : [])),
  );
  if (found.length === 0) return `GPUs are simulated. ${problem ?? ''}`.trim();
  return `GPUs of this machine: ${found.join(', ')}; the others are simulated.${problem === null ? '' : ` ${problem}`}`;
}
