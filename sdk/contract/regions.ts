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

export const Filesystem = z.object({
  name: z.string(),
  mount: z.string().describe('Where replicas have it; paths of weights lie below.'),
  size_gib: z.int().nullable().describe('Null where nobody has set it.'),
});
export type Filesystem = z.infer<typeof Filesystem>;

export const Region = z.object({
  object: z.literal('region'),
  name: z.string(),
  kind: z.enum(['local', 'kubernetes']),
  reachable: z.boolean(),
  message: z.string().nullable().describe('Why it cannot be reached.'),
  offers: z.array(Offer),
  filesystems: z.array(Filesystem).describe('Those that this account may keep weights in.'),
});
export type Region = z.infer<typeof Region>;

export const listRegions = endpoint({
  name: 'listRegions',
  method: 'GET',
  path: '/regions',
  summary: 'Regions with their GPU offers, what is free, and their filesystems',
  scope: 'workloads',
  input: none,
  output: z.object({ object: z.literal('list'), data: z.array(Region), next: z.null() }),
});
