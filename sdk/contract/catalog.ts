import { z } from 'zod';
import { endpoint, none } from './endpoint.ts';
import { Amount } from './money.ts';

export const catalogCategories = [
  'chat',
  'vision',
  'embedding',
  'reranker',
  'image',
  'speech',
  'transcription',
  'video',
] as const;
export type CatalogCategory = (typeof catalogCategories)[number];

/** What a unit costs, in dollars. A model is priced when every unit that its category bills has a price; zero is a price. */
export const Prices = z.strictObject({
  input_per_1m: Amount.optional().describe('1M input tokens.'),
  cached_input_per_1m: Amount.optional().describe('1M input tokens read from a cache; `input_per_1m` where absent.'),
  output_per_1m: Amount.optional().describe('1M output tokens.'),
  per_image: Amount.optional(),
  per_audio_second: Amount.optional(),
  per_1k_characters: Amount.optional(),
  per_video_second: Amount.optional(),
  per_1k_documents: Amount.optional(),
});
export type Prices = z.infer<typeof Prices>;

/** Who serves a platform model: instances of the system account, or an upstream elsewhere. */
export const Backend = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('workload'),
    workload_id: z.int().positive(),
    served_name: z.string().max(200).optional(),
  }),
  z.strictObject({
    type: z.literal('upstream'),
    base_url: z.url({ protocol: /^https?$/ }).describe('With the /v1, like "http://10.0.0.7:8000/v1".'),
    served_name: z.string().max(200).optional(),
    region: z.string().max(40).default('upstream'),
    engine: z
      .string()
      .min(1)
      .max(40)
      .optional()
      .describe('What serves there, like "vllm": decides what may be asked of it.'),
    secret_env: z
      .string()
      .max(100)
      .optional()
      .describe('Environment variable of the server that holds the bearer token.'),
  }),
]);
export type Backend = z.infer<typeof Backend>;

const modality = z.enum(['text', 'image', 'audio', 'video', 'embedding', 'score']);

/** An entry of `catalog.yaml`. */
export const CatalogEntry = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][\w./-]{0,149}$/, 'must be 1 to 150 of letters, digits, "_", ".", "/" and "-"'),
  aliases: z
    .array(z.string().regex(/^[A-Za-z0-9][\w./-]{0,149}$/))
    .max(20)
    .default([]),
  display_name: z.string().min(1).max(100),
  category: z.enum(catalogCategories),
  context_length: z.int().positive().nullable().default(null),
  max_output: z.int().positive().nullable().default(null),
  input_modalities: z.array(modality).default(['text']),
  output_modalities: z.array(modality).default(['text']),
  status: z.enum(['active', 'deprecated', 'disabled']).default('active'),
  prices: Prices.optional(),
  backends: z.array(Backend).max(32).default([]),
});
export type CatalogEntry = z.infer<typeof CatalogEntry>;

export const PlatformModel = CatalogEntry.omit({ backends: true, prices: true }).extend({
  object: z.literal('platform_model'),
  prices: Prices.nullable().describe('Null: not priced yet; calls answer 402.'),
  regions: z.array(z.string()).describe('Where a replica is ready now.'),
});
export type PlatformModel = z.infer<typeof PlatformModel>;

export const listCatalog = endpoint({
  name: 'listCatalog',
  method: 'GET',
  path: '/platform/models',
  summary: 'The catalogue: a plain array of all platform models',
  scope: 'public',
  input: z.object({ status: z.enum(['active', 'deprecated']).optional() }),
  output: z.array(PlatformModel),
});

export const AdminModel = PlatformModel.extend({ backends: z.array(Backend) });
export type AdminModel = z.infer<typeof AdminModel>;

export const importModels = endpoint({
  name: 'importModels',
  method: 'POST',
  path: '/admin/models',
  summary: 'Add or change platform models; prices that are already set stay unless given',
  scope: 'admin',
  input: z.object({ models: z.array(CatalogEntry).min(1).max(500) }),
  output: z.object({ object: z.literal('import'), created: z.array(z.string()), updated: z.array(z.string()) }),
});

export const priceModel = endpoint({
  name: 'priceModel',
  method: 'POST',
  path: '/admin/prices',
  summary: 'Set the prices of a platform model',
  scope: 'admin',
  input: z.object({
    model: z.string().min(1).max(150),
    prices: Prices.refine((p) => Object.keys(p).length > 0, 'needs a price'),
  }),
  output: AdminModel,
});

export const listAdminModels = endpoint({
  name: 'listAdminModels',
  method: 'GET',
  path: '/admin/models',
  summary: 'All platform models with their backends',
  scope: 'admin',
  input: none,
  output: z.object({ object: z.literal('list'), data: z.array(AdminModel), next: z.null() }),
});
