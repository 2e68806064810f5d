import { z } from 'zod';
import { endpoint, none } from './endpoint.ts';

export const Offer = z.object({
  gpu: z.string(),
  price_per_hour: z.string().describe('Dollars per GPU and hour.'),
  total: z.int().describe('GPUs the platform may use here.'),
  free: z.int(),
  largest_free_block: z.int().describe('Most GPUs free on one node: what one replica can get.'),
  simulated: z.boolean(),
});
export type Offer = z.infer<typeof Offer>;

export const Region = z.object({
  object: z.literal('region'),
  name: z.string(),
  kind: z.enum(['local', 'kubernetes']),
  reachable: z.boolean(),
  message: z.string().nullable().describe('Why it cannot be reached.'),
  offers: z.array(Offer),
});
export type Region = z.infer<typeof Region>;

export const listRegions = endpoint({
  name: 'listRegions',
  method: 'GET',
  path: '/regions',
  summary: 'Regions with their GPU offers and what is free',
  scope: 'workloads',
  input: none,
  output: z.object({ object: z.literal('list'), data: z.array(Region), next: z.null() }),
});
