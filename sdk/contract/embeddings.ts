import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelField } from './inference.ts';

export const EmbeddingInput = z.looseObject({
  model: ModelField,
  input: z.union([z.string(), z.array(z.string()).min(1), z.array(z.int()), z.array(z.array(z.int()))]),
  encoding_format: z.enum(['float', 'base64']).optional(),
  dimensions: z.int().positive().optional(),
});

export const Embeddings = z.looseObject({
  object: z.literal('list'),
  data: z.array(
    z.looseObject({
      object: z.literal('embedding'),
      index: z.int(),
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe('Numbers, or base64 of little-endian 32-bit floats.'),
    }),
  ),
  model: z.string(),
  usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }).optional(),
});
export type Embeddings = z.infer<typeof Embeddings>;

export const createEmbedding = endpoint({
  name: 'createEmbedding',
  method: 'POST',
  path: '/v1/embeddings',
  summary: 'Turn texts into vectors',
  scope: 'inference',
  input: EmbeddingInput,
  output: Embeddings,
  answer: 'gateway',
});
