import { EcoError, formatMoney, parseMoney, type Quote } from '../../../sdk/contract/index.ts';
import type { Stock } from '../../regions/stock.ts';
import { NO_IMAGE } from '../engines/custom.ts';
import type { Engine } from '../engines/engine.ts';
import { sim } from '../engines/sim.ts';
import { listAll } from '../sentence.ts';
import { arithmetic, fits, type Offered, offered } from './capacity.ts';

/** What a launch asks for, before it is decided where it goes. */
export interface Wish {
  /** As asked for by name; undefined: where most is free. */
  regions: readonly string[] | undefined;
  /** Whose region this is, where the weights are on one. */
  filesystem?: string | undefined;
  gpu: { type?: string | undefined; count: number };
  /** In each region. */
  replicas: number;
  /** Regions it should have where it names none and so many there are. */
  spread: number;
  image: string;
  engine: Engine;
  command: readonly string[] | null;
  /** For hints. */
  name: string;
}

export interface Placement {
  gpu: { type: string; count: number };
  placements: Quote['placements'];
  /** Where it may go instead, as long as nothing has started. */
  candidates: { region: string; price_per_gpu_hour: string }[];
  notes: string[];
}

/**
 * Decides where a launch goes: the regions with most free and, where no GPU type is named, real ones unless it is the
 * simulator, then as many regions as it should have, then the cheapest. Throws `invalid_request` for unknown names and
 * `no_capacity` with the arithmetic.
 */
export function planPlacement(wish: Wish, stock: readonly Stock[]): Placement {
  const regions = candidates(wish, stock);
  const types = gpuTypes(wish, regions);
  const plans = types.flatMap((type) => placeType(wish, regions, type) ?? []);
  const misfit = ({ gpu }: Pick<Placement, 'gpu'>) => Number(isSimulated(regions, gpu.type) !== (wish.engine === sim));
  const [best] = plans.toSorted(
    (a, b) => misfit(a) - misfit(b) || b.placements.length - a.placements.length || Number(priceOf(a) - priceOf(b)),
  );
  if (best) return { ...best, notes: notesOf(best, wish, stock) };
  throw noCapacity(wish, regions, cheapest(types, regions));
}

const isSimulated = (regions: readonly Stock[], type: string) =>
  offered(regions, type).some(({ offer }) => offer.simulated);

function candidates(wish: Wish, stock: readonly Stock[]): Stock[] {
  const { regions: named, name } = wish;
  const unknown = named?.find((name) => !stock.some(({ region }) => region === name));
  if (unknown !== undefined)
    throw new EcoError(
      'invalid_request',
      `regions: there is no region "${unknown}". Known: ${listAll(stock.map(({ region }) => region))}.`,
      {
        param: 'regions',
        hint: 'eco regions',
      },
    );
  const meant = stock.filter(({ region }) => named === undefined || named.includes(region));
  if (meant.length === 0)
    throw new EcoError('unavailable', 'No region is configured: nothing can be launched.', { hint: 'eco regions' });
  const unable = meant.filter((region) => !canRun(wish, region));
  if (unable.length > 0 && (named !== undefined || unable.length === meant.length)) throw cannotRun(wish, unable);
  const able = meant.filter((region) => canRun(wish, region));
  const silent = able.find(({ unreachable }) => unreachable !== null);
  const reachable = able.filter(({ unreachable }) => unreachable === null);
  if (silent && (named !== undefined || reachable.length === 0))
    throw new EcoError(
      'unavailable',
      `${silent.region} cannot be reached: ${silent.unreachable}. ${name} was not launched.`,
      {
        param: 'regions',
        hint: 'eco regions',
      },
    );
  return reachable;
}

/** Local regions run processes: engines that are installed, the simulator among them, or a command. */
export const canRun = (
  { image, engine, command }: Pick<Wish, 'image' | 'engine' | 'command'>,
  { kind, engines }: Pick<Stock, 'kind' | 'engines'>,
): boolean => (kind === 'local' ? command !== null || engines.includes(engine.name) : image !== NO_IMAGE);

function cannotRun({ image, engine: { name: engineName, binary }, name }: Wish, unable: readonly Stock[]): EcoError {
  const where = listAll(unable.map(({ region }) => region));
  const runs = `${where} ${unable.length === 1 ? 'runs' : 'run'} programs of this machine, not the image "${image}"`;
  const missing = binary === null ? '.' : `, and there is no "${binary}" on the PATH: install ${engineName}, or`;
  return new EcoError(
    'not_supported',
    `${runs}${missing} ${binary === null ? 'Use' : 'use'} --image ${sim.image} for the simulator, or --command for a program of your own.`,
    { param: 'image', hint: `eco instances launch ${name} --image ${sim.image}` },
  );
}

function gpuTypes({ gpu }: Wish, regions: readonly Stock[]): string[] {
  const known = [...new Set(regions.flatMap(({ offers }) => offers.map((offer) => offer.gpu)))].toSorted();
  if (gpu.type === undefined) return known;
  if (known.includes(gpu.type)) return [gpu.type];
  const where = listAll(regions.map(({ region }) => region));
  throw new EcoError(
    'invalid_request',
    `gpu.type: ${where} ${regions.length === 1 ? 'has' : 'have'} no "${gpu.type}". Known: ${known.join(', ') || 'none'}.`,
    {
      param: 'gpu.type',
      hint: 'eco regions',
    },
  );
}

function placeType(wish: Wish, regions: readonly Stock[], type: string): Omit<Placement, 'notes'> | undefined {
  const offers = offered(regions, type);
  const wanted = wish.regions === undefined ? Math.min(wish.spread, offers.length) : new Set(wish.regions).size;
  const fitting = offers
    .filter(({ offer }) => fits(offer, wish.replicas, wish.gpu.count))
    .toSorted((a, b) => b.offer.free - a.offer.free || a.region.localeCompare(b.region))
    .slice(0, wanted);
  if (fitting.length < wanted || wanted === 0) return undefined;
  const placements = fitting.map(({ region, offer }) => ({
    region,
    replicas: wish.replicas,
    price_per_gpu_hour: offer.price_per_hour,
    free: offer.free,
    largest_free_block: offer.largest_free_block,
  }));
  return { gpu: { type, count: wish.gpu.count }, placements, candidates: othersThan(fitting, offers, wish) };
}

/** A launch that names its regions stays there. */
function othersThan(
  chosen: readonly Offered[],
  offers: readonly Offered[],
  { regions }: Wish,
): Placement['candidates'] {
  if (regions !== undefined) return [];
  const others = offers.filter((each) => !chosen.includes(each));
  return others.map(({ region, offer }) => ({ region, price_per_gpu_hour: offer.price_per_hour }));
}

const priceOf = ({ placements }: Pick<Placement, 'placements'>) =>
  placements.reduce((sum, { price_per_gpu_hour }) => sum + parseMoney(price_per_gpu_hour), 0n);

function cheapest(types: readonly string[], regions: readonly Stock[]): string {
  const price = (type: string) =>
    offered(regions, type)
      .map(({ offer }) => parseMoney(offer.price_per_hour))
      .reduce((a, b) => (a < b ? a : b));
  const [first] = types.toSorted((a, b) => Number(price(a) - price(b)));
  if (first === undefined) throw new EcoError('no_capacity', 'No region offers any GPU.', { hint: 'eco regions' });
  return first;
}

function noCapacity({ replicas, gpu, regions: named }: Wish, regions: readonly Stock[], type: string): EcoError {
  const short = regions.filter(
    (region) => !offered([region], type).some(({ offer }) => fits(offer, replicas, gpu.count)),
  );
  const one =
    named === undefined && short.length < regions.length
      ? regions.find((region) => !short.includes(region))
      : undefined;
  const way = one ? ` ${one.region} alone has room: name it to run there only.` : '';
  return new EcoError(
    'no_capacity',
    `${short.map((region) => arithmetic(region, { type, count: gpu.count, replicas })).join('; ')}.${way}`,
    {
      param: named === undefined ? 'gpu' : 'regions',
      hint: 'eco regions',
    },
  );
}

function notesOf({ placements, gpu }: Omit<Placement, 'notes'>, wish: Wish, stock: readonly Stock[]): string[] {
  if (wish.filesystem !== undefined)
    return [`It runs in ${placements[0]?.region} only, where its weights are: on the filesystem "${wish.filesystem}".`];
  if (wish.regions !== undefined || wish.spread <= placements.length) return [];
  const alone = `It runs in ${placements[0]?.region} only; no other region takes over if that fails`;
  if (stock.length === 1) return [`${alone}: one region is configured.`];
  const silent = stock.filter(({ unreachable }) => unreachable !== null).map(({ region }) => region);
  if (silent.length > 0) return [`${alone}: ${listAll(silent)} cannot be reached.`];
  return [`${alone}: no other offers ${gpu.type} for this image.`];
}

interface Costs {
  rate_nanos: bigint;
  hold_nanos: bigint;
  available_nanos: bigint;
  hold_hours: number;
}

/** The answer to a dry run. */
export function quoteOf(
  { gpu, placements, notes }: Placement,
  { rate_nanos, hold_nanos, available_nanos, hold_hours }: Costs,
): Quote {
  return {
    object: 'quote',
    rate_per_hour: formatMoney(rate_nanos),
    hold: formatMoney(hold_nanos),
    hold_hours,
    available: formatMoney(available_nanos),
    available_after: formatMoney(available_nanos - hold_nanos),
    affordable: hold_nanos <= available_nanos,
    gpu,
    placements,
    notes,
  };
}
