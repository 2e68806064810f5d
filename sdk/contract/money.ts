import { z } from 'zod';

/** All arithmetic is in nano-dollars as bigint; the wire has decimal strings of dollars. */
export const NANOS_PER_DOLLAR = 1_000_000_000n;
/** A bound that both databases hold and no honest amount reaches: nine billion dollars. */
export const NANOS_MAX = 9_000_000_000_000_000_000n;

const PATTERN = /^-?\d{1,10}(\.\d{1,9})?$/;

export const Money = z
  .string()
  .regex(PATTERN, 'must be dollars as a decimal string, like "3.20"')
  .describe('US dollars as a decimal string with at most nine places, like "3.20".');
/** An amount that may not be negative. */
export const Amount = Money.refine((text) => !text.startsWith('-'), 'must not be negative').refine(
  (text) => !PATTERN.test(text) || parseMoney(text) <= NANOS_MAX,
  'must be at most nine billion dollars',
);

/** `"3.20"` → `3200000000n`. Throws on anything that is not money. */
export function parseMoney(text: string): bigint {
  if (!PATTERN.test(text)) throw new RangeError(`Not an amount of money: ${JSON.stringify(text)}`);
  const negative = text.startsWith('-');
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.');
  const nanos = BigInt(whole) * NANOS_PER_DOLLAR + BigInt(fraction.padEnd(9, '0'));
  return negative ? -nanos : nanos;
}

/** `3200000000n` → `"3.20"`: two places at least, nine at most. */
export function formatMoney(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % NANOS_PER_DOLLAR)
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  return `${nanos < 0n ? '-' : ''}${size / NANOS_PER_DOLLAR}.${fraction}`;
}
