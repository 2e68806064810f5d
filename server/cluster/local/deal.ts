import { ConfigError, type LocalRegionConfig } from '../../config.ts';
import { usualPrice } from './gpu-price.ts';
import type { LocalGpu } from './gpus.ts';
import type { Device, Devices } from './nvidia.ts';

/**
 * The GPUs of each local region: what its list says, and for `auto` a share of those that no list names. No device goes
 * to two regions. Throws a `ConfigError` for one that is named twice or is not there.
 */
export function dealGpus(regions: readonly LocalRegionConfig[], found: Devices): ReadonlyMap<string, LocalGpu[]> {
  const named = new Map<string, string>();
  const listed = regions.flatMap(({ name, gpus }) => (gpus === 'auto' ? [] : [{ name, gpus }]));
  const lists = listed.map(
    ({ name, gpus }) => [name, gpus.map((gpu) => withDevices(gpu, name, { named, found }))] as const,
  );
  const left = found.devices.filter(({ index }) => !named.has(String(index)));
  const autos = regions.filter(({ gpus }) => gpus === 'auto');
  const shares = share(left, autos.length);
  return new Map([...lists, ...autos.map(({ name, prices }, at) => [name, gpusOf(shares[at] ?? [], prices)] as const)]);
}

interface Naming {
  /** Region by device. */
  named: Map<string, string>;
  found: Devices;
}

type Listed = Exclude<LocalRegionConfig['gpus'], 'auto'>[number];

function withDevices(gpu: Listed, region: string, { named, found }: Naming): LocalGpu {
  const devices = gpu.devices?.map((wanted) => resolve(String(wanted), region, found));
  for (const device of devices ?? []) {
    const other = named.get(device);
    if (other !== undefined)
      throw new ConfigError(
        `regions: GPU ${device} is named twice, in ${other} and in ${region}. One replica can have it.`,
      );
    named.set(device, region);
  }
  return { ...gpu, devices };
}

/** An index, which every program understands; UUIDs only of MIG slices, which have no index. */
function resolve(wanted: string, region: string, { devices, problem }: Devices): string {
  if (wanted.startsWith('MIG-')) return wanted;
  const device = devices.find(({ uuid, index }) => uuid === wanted || String(index) === wanted);
  if (device) return String(device.index);
  const known = devices.map(({ index }) => index).join(', ');
  throw new ConfigError(
    `regions: ${region} names GPU ${wanted}, which this machine does not have. ${known === '' ? problem : `It has ${known}.`}`,
  );
}

/** As even as it goes, neighbours together; the first ones get what is left over. */
export function share<T>(items: readonly T[], parts: number): T[][] {
  const size = Math.floor(items.length / parts);
  const more = items.length % parts;
  return Array.from({ length: parts }, (_, at) => {
    const start = at * size + Math.min(at, more);
    return items.slice(start, start + size + Number(at < more));
  });
}

/** One offer for each type. */
export function gpusOf(devices: readonly Device[], prices: Readonly<Record<string, string>> = {}): LocalGpu[] {
  return [...Map.groupBy(devices, ({ type }) => type)].map(([type, group]) => ({
    type,
    count: group.length,
    price_per_hour: prices[type] ?? usualPrice(type),
    devices: group.map(({ index }) => String(index)),
  }));
}
