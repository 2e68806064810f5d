import type { LocalRegionConfig } from '../../config.ts';
import type { Log } from '../../log.ts';
import { dealGpus } from './deal.ts';
import type { LocalGpu } from './gpus.ts';
import { findDevices } from './nvidia.ts';

/** The GPUs of each local region, in the order of the configuration. The machine is only asked where a region has real ones. */
export async function findGpus(
  regions: readonly LocalRegionConfig[],
  log: Log,
): Promise<readonly (readonly [name: string, gpus: readonly LocalGpu[]])[]> {
  const isReal = regions.some(({ gpus }) => gpus === 'auto' || gpus.some(({ devices }) => devices !== undefined));
  const found = isReal ? await findDevices() : { devices: [], problem: null };
  if (found.problem !== null) log.warn({ problem: found.problem }, 'GPUs of this machine are missing');
  const dealt = dealGpus(regions, found);
  return regions.map(({ name }) => [name, dealt.get(name) ?? []] as const);
}
