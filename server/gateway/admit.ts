import { EcoError, formatMoney } from '../../sdk/contract/index.ts';
import type { KeyEntry } from '../accounts/keyring.ts';
import { priceUsage } from '../billing/price.ts';
import type { Wallets } from '../billing/wallets.ts';
import type { Target } from './resolve.ts';
import type { ChatBody } from './splice.ts';
import type { Tab } from './tab.ts';
import type { Tables } from './tables.ts';
import { estimateTokens } from './usage.ts';

/** Of a request that sets no limit of its own. */
const OUTPUT_TOKENS_ASSUMED = 1024;

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

/** Whether this key may call this model now, and what the call may cost in nano-dollars. Throws the refusal. */
export function admit(
  { wallets, tab, tables }: { wallets: Wallets; tab: Tab; tables: Tables },
  { key, target, body }: { key: KeyEntry; target: Target; body: ChatBody },
): bigint {
  if (key.allowed_models && !allows(key.allowed_models, { tables, target }))
    throw new EcoError('forbidden', `This key may not call "${target.model}".`, {
      param: 'model',
      hint: 'eco keys list',
    });
  if ('entry' in target.source && !target.source.isPriced) throw new NotPriced(target.model);
  const estimate = estimateCost(target, body);
  if (estimate > 0n) checkMoney({ wallets, tab }, key);
  return estimate;
}

/** A list may name a platform model by its id or an alias, in any letter case: whatever finds it allows it. */
function allows(allowed: ReadonlySet<string>, { tables, target }: { tables: Tables; target: Target }): boolean {
  if (allowed.has(target.model)) return true;
  return 'entry' in target.source && [...allowed].some((name) => tables.findPlatform(name) === target.source);
}

function estimateCost({ prices }: Target, { bytes, choices, maxTokens }: ChatBody): bigint {
  if (!prices) return 0n;
  return priceUsage(prices, {
    input_tokens: estimateTokens(bytes.length),
    cached_input_tokens: 0,
    output_tokens: Math.min((maxTokens ?? OUTPUT_TOKENS_ASSUMED) * choices, OUTPUT_TOKENS_MAX),
  });
}

/** A limit in the millions says nothing about what will come. */
const OUTPUT_TOKENS_MAX = 1_000_000;

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
