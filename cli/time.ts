import { UsageError } from './usage-error.ts';

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS_MS;

/** `90s`, `10m`, `1h30m`, `30d` → milliseconds. */
export function parseDuration(text: string): number {
  if (!/^(\d+[smhd])+$/.test(text))
    throw new UsageError(`"${text}" is no duration: write it like 90s, 10m, 1h30m or 30d.`);
  return [...text.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit as Unit],
    0,
  );
}

/** How long ago, in the largest unit that fits: `12s`, `3m`, `5h`, `2d`. */
export function formatAge(at: number | null, now = Date.now()): string {
  if (at === null) return '-';
  const age = Math.max(0, now - at);
  const unit = (['d', 'h', 'm'] as const).find((each) => age >= UNITS_MS[each]) ?? 's';
  return `${Math.floor(age / UNITS_MS[unit])}${unit}`;
}

/** Time of day, for lines that come as things happen. */
export function formatClock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
