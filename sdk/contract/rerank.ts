import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelField } from './inference.ts';

export const DOCUMENTS_MAX = 1000;

export const RerankInput = z.looseObject({
  model: ModelField,
  query: z.string(),
  documents: z
    .array(z.union([z.string(), z.looseObject({ text: z.string() })]))
    .min(1)
    .max(DOCUMENTS_MAX),
  top_n: z.int().positive().optional().describe('Default: all.'),
  return_documents: z.boolean().optional(),
});

export const Ranking = z.looseObject({
  model: z.string(),
  results: z
    .array(
      z.looseObject({
        index: z.int().describe('Place in the request.'),
        relevance_score: z.number(),
        document: z.looseObject({ text: z.string() }).optional(),
      }),
    )
    .describe('Best first.'),
  usage: z.looseObject({ total_tokens: z.int() }).optional(),
});
export type Ranking = z.infer<typeof Ranking>;

export const rerank = endpoint({
  name: 'rerank',
  method: 'POST',
  path: '/v1/rerank',
  summary: 'Sort documents by how well they answer a query',
  scope: 'inference',
  input: RerankInput,
  output: Ranking,
  answer: 'gateway',
});
