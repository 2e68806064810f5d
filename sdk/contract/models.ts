import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { PageQuery, page } from './page.ts';

export const modelCategories = ['chat', 'embedding', 'reranker', 'image', 'audio', 'video'] as const;
export type ModelCategory = (typeof modelCategories)[number];
export const sourceTypes = ['huggingface', 'filesystem', 'platform', 'image'] as const;
export type SourceType = (typeof sourceTypes)[number];

export const MODEL_NAME = /^[a-z][a-z0-9-]{0,39}$/;
export const ModelName = z
  .string()
  .regex(MODEL_NAME, 'must begin with a lower-case letter and hold at most 40 of a-z, 0-9 and "-"');

const repo = z
  .string()
  .regex(/^[\w.-]{1,96}\/[\w.-]{1,96}$/, 'must be a Hugging Face repository, like "meta-llama/Llama-3.1-8B-Instruct"');

/** Where the weights live. */
export const ModelSource = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('huggingface'), repo, revision: z.string().min(1).max(100).default('main') }),
  z.strictObject({
    type: z.literal('filesystem'),
    filesystem: z.string().min(1).max(80),
    path: z
      .string()
      .regex(/^\/[^\0]*$/, 'must be an absolute path below the mount')
      .max(400),
  }),
  z.strictObject({ type: z.literal('platform'), platform_model: z.string().min(1).max(200) }),
  z.strictObject({ type: z.literal('image') }),
]);
export type ModelSource = z.infer<typeof ModelSource>;

export const Model = z.object({
  object: z.literal('model'),
  id: z.string(),
  name: z.string(),
  category: z.enum(modelCategories),
  source: ModelSource,
  has_token: z.boolean().describe('A token for a gated repository is kept; it is never shown.'),
  created_at: z.int(),
});
export type Model = z.infer<typeof Model>;

const ModelRef = z.object({ model: z.string().min(1).max(80).describe('Name or id of a registered model.') });

export const registerModel = endpoint({
  name: 'registerModel',
  method: 'POST',
  path: '/models',
  summary: 'Register a model: where its weights live, and what it does',
  scope: 'workloads',
  input: z.object({
    name: ModelName,
    category: z.enum(modelCategories).default('chat'),
    source: ModelSource,
    token: z.string().min(1).max(500).optional().describe('Hugging Face token of a gated repository. Kept encrypted.'),
  }),
  output: Model,
});

export const listModels = endpoint({
  name: 'listModels',
  method: 'GET',
  path: '/models',
  summary: 'List registered models, newest first',
  scope: 'workloads',
  input: PageQuery,
  output: page(Model),
});

export const getModel = endpoint({
  name: 'getModel',
  method: 'GET',
  path: '/models/{model}',
  summary: 'Show a registered model',
  scope: 'workloads',
  input: ModelRef,
  output: Model,
});

export const updateModel = endpoint({
  name: 'updateModel',
  method: 'PUT',
  path: '/models/{model}',
  summary: 'Change where the weights live; what runs already keeps what it was launched with',
  scope: 'workloads',
  input: ModelRef.extend({
    source: ModelSource.optional(),
    token: z
      .string()
      .min(1)
      .max(500)
      .nullable()
      .optional()
      .describe('Hugging Face token. Null forgets the one that is kept.'),
  }),
  output: Model,
});

export const removeModel = endpoint({
  name: 'removeModel',
  method: 'DELETE',
  path: '/models/{model}',
  summary: 'Remove a registered model that nothing runs any more',
  scope: 'workloads',
  input: ModelRef,
  output: Model,
});
