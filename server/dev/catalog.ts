import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { type CatalogCategory, CatalogEntry, type Prices } from '../../sdk/contract/index.ts';
import { packageRoot } from '../package-root.ts';

/** Left without a price, so that the answer 402 `model_not_priced` can be seen. */
const UNPRICED = 'Wan-AI/Wan2.1-T2V-1.3B';

const PRICES: Record<CatalogCategory, Prices> = {
  chat: { input_per_1m: '0.10', cached_input_per_1m: '0.05', output_per_1m: '0.20' },
  vision: { input_per_1m: '0.15', output_per_1m: '0.50' },
  embedding: { input_per_1m: '0.02' },
  reranker: { input_per_1m: '0.03', per_1k_documents: '0.10' },
  image: { per_image: '0.01' },
  speech: { per_1k_characters: '0.015' },
  transcription: { per_audio_second: '0.0001' },
  video: { per_video_second: '0.05' },
};

/** The starter catalogue with prices, all of it served by one workload. */
export function platformCatalog(workload_id: number): CatalogEntry[] {
  const { models } = z
    .object({ models: z.array(CatalogEntry) })
    .parse(parse(readFileSync(new URL('catalog.yaml', packageRoot), 'utf8')));
  return models.map((model) => ({
    ...model,
    backends: [{ type: 'workload', workload_id, served_name: model.id }],
    ...(model.id !== UNPRICED && { prices: PRICES[model.category] }),
  }));
}
