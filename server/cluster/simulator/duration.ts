const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `20ms`, `1.5s`, `2m`, `1h` or plain milliseconds, as milliseconds. */
export function parseDuration(text: string): number {
  const [, number = '', unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === '') throw new RangeError(`must be a duration like 20ms or 2s, not "${text}"`);
  return Number(number) * (UNITS_MS[unit] ?? 1);
}
