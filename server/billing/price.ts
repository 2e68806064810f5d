import { type CatalogCategory, NANOS_MAX, type Prices, parseMoney } from '../../sdk/contract/index.ts';

export interface TokenCounts {
  input_tokens: number;
  /** How many of the input tokens came out of a cache. */
  cached_input_tokens: number;
  output_tokens: number;
}

/** What is counted beside tokens; times in milliseconds. */
export interface UnitCounts {
  images: number;
  audio_ms: number;
  characters: number;
  documents: number;
  video_ms: number;
}

export const NO_UNITS: UnitCounts = { images: 0, audio_ms: 0, characters: 0, documents: 0, video_ms: 0 };

/** What a request used. Units that are absent were not used. */
export type Counts = TokenCounts & Partial<UnitCounts>;

const MILLION = 1_000_000n;
/** Each unit, its price, and how many a price is for, as parts of a million. */
const unitPrices = [
  ['images', 'per_image', MILLION],
  ['audio_ms', 'per_audio_second', MILLION / 1000n],
  ['characters', 'per_1k_characters', MILLION / 1000n],
  ['documents', 'per_1k_documents', MILLION / 1000n],
  ['video_ms', 'per_video_second', MILLION / 1000n],
] as const satisfies readonly (readonly [keyof UnitCounts, keyof Prices, bigint])[];

/** Nano-dollars of one request, rounded once, half up. A unit without a price is not billed: `isPriced` guards admission. */
export function priceUsage(prices: Prices, counts: Counts): bigint {
  const rates = ratesOf(prices);
  const input = countOf(counts.input_tokens);
  const cached = atMost(countOf(counts.cached_input_tokens), input);
  let total = (input - cached) * rates.input + cached * rates.cached + countOf(counts.output_tokens) * rates.output;
  for (const [unit, price, share] of unitPrices)
    if (counts[unit]) total += countOf(counts[unit]) * nanosOf(prices[price]) * share;
  return bounded(divideHalfUp(total, MILLION));
}

interface Rates {
  input: bigint;
  cached: bigint;
  output: bigint;
}

/** Prices are never changed, only replaced. */
const ratesByPrices = new WeakMap<Prices, Rates>();

function ratesOf(prices: Prices): Rates {
  const known = ratesByPrices.get(prices);
  if (known) return known;
  const input = nanosOf(prices.input_per_1m);
  const cached = prices.cached_input_per_1m === undefined ? input : nanosOf(prices.cached_input_per_1m);
  const rates = { input, cached, output: nanosOf(prices.output_per_1m) };
  ratesByPrices.set(prices, rates);
  return rates;
}

/** What each category bills: a model is priced when every unit of one of these lists has a price. Zero is a price, absent is not. */
const billedUnits: Record<CatalogCategory, readonly (readonly (keyof Prices)[])[]> = {
  chat: [['input_per_1m', 'output_per_1m']],
  vision: [['input_per_1m', 'output_per_1m']],
  embedding: [['input_per_1m']],
  reranker: [['input_per_1m'], ['per_1k_documents']],
  image: [['per_image']],
  speech: [['per_1k_characters'], ['per_audio_second']],
  transcription: [['per_audio_second']],
  video: [['per_video_second']],
};

export function isPriced(category: CatalogCategory, prices: Prices | null): prices is Prices {
  return prices !== null && billedUnits[category].some((units) => units.every((unit) => prices[unit] !== undefined));
}

/** Time some GPUs were in use. Negative `ms` takes back what was charged too much. */
export interface GpuTime {
  ms: number;
  gpus: number;
  /** Per GPU and hour. */
  price_nanos: bigint;
}

const HOUR_MS = 3_600_000n;

/** Nano-dollars of GPU time: summed exactly, rounded once, half up. */
export function priceGpuTime(times: readonly GpuTime[]): bigint {
  let total = 0n;
  for (const { ms, gpus, price_nanos } of times) total += BigInt(ms) * BigInt(gpus) * price_nanos;
  return bounded(divideHalfUp(total, HOUR_MS));
}

const nanosOf = (price: string | undefined) => (price === undefined ? 0n : parseMoney(price));
const atMost = (value: bigint, limit: bigint) => (value < limit ? value : limit);

function countOf(units: number): bigint {
  if (!Number.isSafeInteger(units) || units < 0) throw new RangeError(`Not a count: ${units}`);
  return BigInt(units);
}

/** Half goes away from zero, so that a refund is the exact mirror of a charge. */
function divideHalfUp(total: bigint, unit: bigint): bigint {
  return total < 0n ? -divideHalfUp(-total, unit) : (2n * total + unit) / (2n * unit);
}

function bounded(nanos: bigint): bigint {
  if (nanos > NANOS_MAX || nanos < -NANOS_MAX) throw new RangeError(`More than money can be: ${nanos} nano-dollars`);
  return nanos;
}
