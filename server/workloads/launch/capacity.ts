import { EcoError, type Offer } from '../../../sdk/contract/index.ts';
import type { Stock } from '../../regions/stock.ts';
import { plural } from '../sentence.ts';

/** Throws `no_capacity` with the arithmetic where a region cannot take so many replicas more. */
export function checkRoom(stock: readonly Stock[], wanted: readonly (Amount & { region: string })[]): void {
  for (const amount of wanted.filter(({ replicas }) => replicas > 0)) {
    const region = stock.find(({ region }) => region === amount.region);
    if (!region || region.unreachable !== null)
      throw new EcoError(
        'unavailable',
        `${amount.region} cannot be reached: ${region?.unreachable ?? 'it is not configured'}.`,
        { hint: 'eco regions' },
      );
    const room = offered([region], amount.type).some(({ offer }) => fits(offer, amount.replicas, amount.count));
    if (!room) throw new EcoError('no_capacity', `${arithmetic(region, amount)}.`, { hint: 'eco regions' });
  }
}

/** What is left of the stock when these GPUs, promised but not yet in use, are taken off. */
export function lessReserved(stock: readonly Stock[], reserved: readonly Reserved[]): Stock[] {
  return stock.map((region) => ({
    ...region,
    offers: region.offers.map((offer) => offerLess(offer, reservedOf(reserved, region.region, offer.gpu))),
  }));
}

export interface Reserved {
  region: string;
  gpu: string;
  gpus: number;
}

const reservedOf = (reserved: readonly Reserved[], region: string, gpu: string) =>
  reserved.filter((row) => row.region === region && row.gpu === gpu).reduce((sum, { gpus }) => sum + gpus, 0);

function offerLess(offer: Offer, gpus: number): Offer {
  const free = Math.max(0, offer.free - gpus);
  return { ...offer, free, largest_free_block: Math.min(offer.largest_free_block, free) };
}

export interface Amount {
  type: string;
  count: number;
  replicas: number;
}

/** `wanted 2 × h100 in local-a: 1 free of 8, largest free block 1`. */
export function arithmetic(stock: Stock, { type, count, replicas }: Amount): string {
  const [found] = offered([stock], type);
  const wanted = replicas > 1 ? `${plural(replicas, 'replica')} of ${count} × ${type}` : `${count} × ${type}`;
  if (!found) return `wanted ${wanted} in ${stock.region}: it has none`;
  const { free, total, largest_free_block } = found.offer;
  return `wanted ${wanted} in ${stock.region}: ${free} free of ${total}, largest free block ${largest_free_block}`;
}

export interface Offered {
  region: string;
  offer: Offer;
}

/** What the regions offer of one GPU type. */
export const offered = (regions: readonly Stock[], type: string): Offered[] =>
  regions.flatMap(({ region, offers }) => offers.filter(({ gpu }) => gpu === type).map((offer) => ({ region, offer })));

/** Whether an offer has room for so many replicas of so many GPUs each. */
export const fits = ({ free, largest_free_block }: Offer, replicas: number, count: number) =>
  free >= replicas * count && (replicas === 0 || largest_free_block >= count);
