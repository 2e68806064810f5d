import { EcoError, formatMoney } from '../../sdk/contract/index.ts';
import type { KeyEntry } from '../accounts/keyring.ts';
import { type Counts, priceUsage } from '../billing/price.ts';
import type { Wallets } from '../billing/wallets.ts';
import type { Target } from './resolve.ts';
import type { Tab } from './tab.ts';
import type { Tables } from './tables.ts';

/** The one body that is not OpenAI's envelope: clients of this product know it word for word. */
export class NotPriced extends Error {
  readonly status = 402;
  readonly body: string;
  constructor(model: string) {
    const error = `model_not_priced: ${model} is registered but not yet priced — contact admin to set pricing before use`;
    super(error);
    this.body = JSON.stringify({ error });
  }
}

/** Whether this key may call this model now, and what so much use of it costs in nano-dollars. Throws the refusal. */
export function admit(
  { wallets, tab, tables }: { wallets: Wallets; tab: Tab; tables: Tables },
  { key, target, atMost }: { key: KeyEntry; target: Target; atMost: Counts },
): bigint {
  if (key.allowed_models && !allows(key, key.allowed_models, { tables, target }))
    throw new EcoError('forbidden', `This key may not call "${target.model}".`, {
      param: 'model',
      hint: 'eco keys list',
    });
  if ('entry' in target.source && !target.source.isPriced) throw new NotPriced(target.model);
  const estimate = target.prices ? priceUsage(target.prices, atMost) : 0n;
  if (estimate > 0n) checkMoney({ wallets, tab }, key);
  return estimate;
}

/**
 * A list may name a platform model by its id or an alias, in any letter case, and an own instance by `name:id` or an
 * alias of the account: whatever finds it allows it.
 */
function allows(
  { account_id }: KeyEntry,
  allowed: ReadonlySet<string>,
  { tables, target: { model, source, workload_id } }: { tables: Tables; target: Target },
): boolean {
  if (allowed.has(model)) return true;
  const finds = (name: string) =>
    'entry' in source ? tables.findPlatform(name) === source : tables.findAliased(account_id, name) === workload_id;
  return [...allowed].some(finds);
}

function checkMoney({ wallets, tab }: { wallets: Wallets; tab: Tab }, key: KeyEntry): void {
  const available = wallets.available(key.account_id);
  if (available - tab.owed(key.account_id) <= 0n)
    throw new EcoError(
      'insufficient_balance',
      `The balance is used up: ${formatMoney(available)} dollars, less what runs right now. Add credit and try again.`,
      { hint: 'eco billing balance' },
    );
  if (key.spend_cap_nanos !== null && key.spent_nanos + tab.owed(key.id) >= key.spend_cap_nanos)
    throw new EcoError(
      'insufficient_balance',
      `The key "${key.name}" has reached its spend cap of ${formatMoney(key.spend_cap_nanos)} dollars.`,
      { hint: 'eco keys list' },
    );
}
