import { z } from 'zod';
import { endpoint, grantableScopes } from './endpoint.ts';
import { Amount } from './money.ts';
import { PageQuery, page } from './page.ts';

export const Key = z.object({
  object: z.literal('key'),
  id: z.string(),
  name: z.string(),
  last_four: z.string(),
  scopes: z.array(z.enum(grantableScopes)).nullable().describe('Null: everything the account may do.'),
  allowed_models: z.array(z.string()).nullable().describe('Null: every model.'),
  spend_cap: z.string().nullable().describe('Dollars this key may spend on requests, in all.'),
  expires_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
  created_at: z.int(),
});
export type Key = z.infer<typeof Key>;

export const createKey = endpoint({
  name: 'createKey',
  method: 'POST',
  path: '/keys',
  summary: 'Create an API key',
  scope: 'account',
  input: z.object({
    name: z.string().trim().min(1).max(80),
    scopes: z.array(z.enum(grantableScopes)).min(1).optional(),
    allowed_models: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
    spend_cap: Amount.optional(),
    expires_at: z.int().positive().optional().describe('Unix milliseconds.'),
  }),
  output: Key.extend({ secret: z.string().describe('The key itself. Shown once.') }),
});

export const listKeys = endpoint({
  name: 'listKeys',
  method: 'GET',
  path: '/keys',
  summary: 'List API keys, newest first',
  scope: 'account',
  input: PageQuery,
  output: page(Key),
});

export const revokeKey = endpoint({
  name: 'revokeKey',
  method: 'DELETE',
  path: '/keys/{key_id}',
  summary: 'Revoke an API key at once; requests under way finish',
  scope: 'account',
  input: z.object({ key_id: z.string() }),
  output: Key,
});
