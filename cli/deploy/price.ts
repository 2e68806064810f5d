import { type Eco, EcoError, type Quote } from '../../sdk/index.ts';
import { dollars } from '../money.ts';
import type { Wish } from './wish.ts';

/** What the next instance would cost and where it would run, whatever is registered now. Throws `no_capacity`. */
export function quoteFor(eco: Eco, { launch, model }: Wish, signal: AbortSignal): Promise<Quote> {
  const { category, source } = model;
  return eco.instances.quote({ ...launch, draft: { category, source } }, { signal });
}

/** Throws `insufficient_balance` before anything is changed. */
export function checkAffordable({ affordable, hold, available }: Quote): void {
  if (affordable) return;
  throw new EcoError(
    'insufficient_balance',
    `The launch sets ${dollars(hold)} aside, and ${dollars(available)} are left. Add credit, or ask for less.`,
    { hint: 'eco billing balance' },
  );
}

export const priceText = ({ rate_per_hour, hold }: Quote): string =>
  `The next instance costs ${dollars(rate_per_hour)}/h; ${dollars(hold)} are set aside for it.`;
