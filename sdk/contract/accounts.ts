import { z } from 'zod';
import { endpoint, none } from './endpoint.ts';
import { Key } from './keys.ts';
import { Amount } from './money.ts';
import { PageQuery, page } from './page.ts';

export const AccountName = z.string().trim().min(1).max(80);

export const Account = z.object({
  object: z.literal('account'),
  id: z.string(),
  name: z.string(),
  created_at: z.int().describe('Unix milliseconds.'),
});
export type Account = z.infer<typeof Account>;

export const WhoAmI = z.object({
  object: z.literal('whoami'),
  admin: z.boolean(),
  account: Account.nullable().describe('Null for an admin key, which belongs to the installation.'),
  key: Key.nullable(),
});
export type WhoAmI = z.infer<typeof WhoAmI>;

export const whoAmI = endpoint({
  name: 'whoAmI',
  method: 'GET',
  path: '/whoami',
  summary: 'Show whose key this is',
  scope: 'any',
  input: none,
  output: WhoAmI,
});

export const createAccount = endpoint({
  name: 'createAccount',
  method: 'POST',
  path: '/admin/accounts',
  summary: 'Create an account with its first key',
  scope: 'admin',
  input: z.object({ name: AccountName }),
  output: Account.extend({ secret: z.string().describe('The first API key. Shown once.') }),
});

export const listAccounts = endpoint({
  name: 'listAccounts',
  method: 'GET',
  path: '/admin/accounts',
  summary: 'List accounts, newest first',
  scope: 'admin',
  input: PageQuery,
  output: page(Account.extend({ available: z.string(), held: z.string() })),
});

export const creditKinds = ['topup', 'bonus', 'adjustment'] as const;

export const Credit = z.object({
  object: z.literal('credit'),
  transaction_id: z.string(),
  account_id: z.string(),
  amount: z.string(),
  available: z.string().describe('Balance after, in dollars.'),
});
export type Credit = z.infer<typeof Credit>;

export const creditAccount = endpoint({
  name: 'creditAccount',
  method: 'POST',
  path: '/admin/accounts/{account_id}/credit',
  summary: 'Add money to an account',
  scope: 'admin',
  input: z.object({
    account_id: z.string(),
    amount: Amount,
    kind: z.enum(creditKinds).default('topup'),
    description: z.string().max(200).default('Credit by the operator'),
    reference: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('Your own id of this payment: the same one twice credits once.'),
  }),
  output: Credit,
});

export const AuditFinding = z.object({
  check: z.string(),
  subject: z.string(),
  expected: z.string(),
  found: z.string(),
});
export const Audit = z.object({
  object: z.literal('audit'),
  clean: z.boolean(),
  checked: z.record(z.string(), z.int()).describe('Rows compared, by check.'),
  findings: z.array(AuditFinding),
});
export type Audit = z.infer<typeof Audit>;

export const runAudit = endpoint({
  name: 'runAudit',
  method: 'GET',
  path: '/admin/audit',
  summary: 'Recompute every balance, hold and charge from its rows and report each difference',
  scope: 'admin',
  input: none,
  output: Audit,
});
