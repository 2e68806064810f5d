import type { PlatformModel, Prices } from '../sdk/index.ts';
import { dollars } from './money.ts';
import type { Columns } from './table.ts';

export const catalogColumns: Columns<PlatformModel> = {
  ID: ({ id }) => id,
  CATEGORY: ({ category }) => category,
  CONTEXT: ({ context_length }) => context_length,
  PRICE: ({ prices }) => priceText(prices),
  REGIONS: ({ regions }) => regions.join(',') || null,
  STATUS: ({ status }) => status,
};

const UNITS: Record<keyof Prices, string> = {
  input_per_1m: '1M in',
  cached_input_per_1m: '1M cached',
  output_per_1m: '1M out',
  per_image: 'image',
  per_audio_second: 's audio',
  per_1k_characters: '1K characters',
  per_video_second: 's video',
  per_1k_documents: '1K documents',
};

/** `$0.05/1M in, $0.08/1M out`. */
export function priceText(prices: Prices | null): string {
  if (prices === null) return 'not priced';
  const parts = Object.entries(prices).map(
    ([unit, price = '']) => `${dollars(price)}/${UNITS[unit as keyof Prices] ?? unit}`,
  );
  return parts.join(', ');
}
