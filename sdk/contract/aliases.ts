import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelName } from './models.ts';
import { PageQuery, page } from './page.ts';

/** A name of the account that stays while instances come and go: callers write it as `model`. */
export const Alias = z.object({
  object: z.literal('alias'),
  name: z.string(),
  workload_id: z.int().describe('The inference instance that answers.'),
  ref: z.string().describe('The same as `name:id`.'),
  fingerprint: z.string().nullable().describe('Of what was deployed, as the deployer said it.'),
  updated_at: z.int(),
});
export type Alias = z.infer<typeof Alias>;

const AliasRef = z.object({ alias: ModelName });

export const setAlias = endpoint({
  name: 'setAlias',
  method: 'PUT',
  path: '/aliases/{alias}',
  summary: 'Lead a name to an instance: requests that come from now on go there, those under way end where they are',
  scope: 'workloads',
  input: AliasRef.extend({
    workload: z.coerce.string().min(1).max(80).describe('Id, `name:id`, or a unique name, of a running instance.'),
    expected_workload_id: z
      .int()
      .nullable()
      .optional()
      .describe('Where it must lead now, null for nowhere; else 409. Default: anywhere.'),
    fingerprint: z.string().min(1).max(100).optional(),
  }),
  output: Alias,
});

export const listAliases = endpoint({
  name: 'listAliases',
  method: 'GET',
  path: '/aliases',
  summary: 'Aliases of the account, by name',
  scope: 'workloads',
  input: PageQuery,
  output: page(Alias),
});

export const getAlias = endpoint({
  name: 'getAlias',
  method: 'GET',
  path: '/aliases/{alias}',
  summary: 'Where an alias leads',
  scope: 'workloads',
  input: AliasRef,
  output: Alias,
});

export const removeAlias = endpoint({
  name: 'removeAlias',
  method: 'DELETE',
  path: '/aliases/{alias}',
  summary: 'Remove an alias; its instance goes on',
  scope: 'workloads',
  input: AliasRef,
  output: Alias,
});
