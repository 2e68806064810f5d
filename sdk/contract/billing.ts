import { z } from 'zod';
import { endpoint, none } from './endpoint.ts';
import { PageQuery, page } from './page.ts';

export const transactionKinds = [
  'topup',
  'bonus',
  'hold',
  'hold_release',
  'gpu_usage',
  'api_usage',
  'refund',
  'adjustment',
] as const;
export type TransactionKind = (typeof transactionKinds)[number];

export const Balance = z.object({
  object: z.literal('balance'),
  available: z.string().describe('Dollars free to spend.'),
  held: z.string().describe('Dollars set aside for what runs.'),
  burn_rate_per_hour: z.string().describe('Dollars per hour of all GPUs in use now.'),
});
export type Balance = z.infer<typeof Balance>;

export const Transaction = z.object({
  object: z.literal('transaction'),
  id: z.string(),
  kind: z.enum(transactionKinds),
  amount: z
    .string()
    .describe('Signed change of the available balance; for `gpu_usage` paid out of a hold, what the hold paid.'),
  available_after: z.string(),
  description: z.string(),
  reference: z.string().nullable().describe('Workload, batch of requests, or the payer’s own id.'),
  created_at: z.int(),
});
export type Transaction = z.infer<typeof Transaction>;

export const usageGroups = ['request', 'day', 'model', 'key', 'workload'] as const;

export const UsageRow = z.object({
  object: z.literal('usage'),
  group: z.string().describe('Request id, day (UTC), model, key id or workload id.'),
  model: z.string().nullable(),
  key_id: z.string().nullable(),
  workload_id: z.int().nullable(),
  region: z.string().nullable(),
  status: z
    .string()
    .nullable()
    .describe(
      'Of a single request: `completed`, `client_closed`, `client_stalled`, `upstream_cut`, `gateway_shutdown`, `gateway_lost` (the server was killed) or `failed`.',
    ),
  estimated: z.boolean().describe('Some tokens were counted by the gateway, as the engine gave none.'),
  requests: z.int(),
  input_tokens: z.int(),
  cached_input_tokens: z.int(),
  output_tokens: z.int(),
  images: z.int(),
  audio_seconds: z.number().describe('Heard or spoken, to the millisecond.'),
  characters: z.int().describe('Read aloud.'),
  documents: z.int().describe('Ranked.'),
  video_seconds: z.number(),
  cost: z.string().describe('Dollars charged per request; 0 for own instances, whose hold pays.'),
  started_at: z.int().nullable(),
});
export type UsageRow = z.infer<typeof UsageRow>;

export const getBalance = endpoint({
  name: 'getBalance',
  method: 'GET',
  path: '/billing/balance',
  summary: 'Balance, holds and burn rate',
  scope: 'billing:read',
  input: none,
  output: Balance,
});

export const listTransactions = endpoint({
  name: 'listTransactions',
  method: 'GET',
  path: '/billing/transactions',
  summary: 'Money moved, newest first',
  scope: 'billing:read',
  input: PageQuery.extend({ kind: z.enum(transactionKinds).optional() }),
  output: page(Transaction),
});

export const listUsage = endpoint({
  name: 'listUsage',
  method: 'GET',
  path: '/billing/usage',
  summary: 'Requests metered, one by one or summed',
  scope: 'billing:read',
  input: PageQuery.extend({
    group_by: z.enum(usageGroups).default('day'),
    since: z.coerce.number().int().min(0).optional().describe('Unix milliseconds; default: 30 days ago.'),
    until: z.coerce.number().int().min(0).optional(),
  }),
  output: page(UsageRow),
});
