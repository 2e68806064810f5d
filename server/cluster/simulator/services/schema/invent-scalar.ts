import { inventWord, inventWords } from '../words.ts';
import { type Keywords, numberOf } from './json-schema.ts';

const HUNDREDTH = 0.01;
/** How many steps there are where a schema leaves a side open. */
const SPAN = 100;
const DIGITS = 12;

/** A number within its bounds; whole where the grain is 1, else with two decimals if any such lies there. */
export function inventNumber(schema: Keywords, random: () => number, grain = HUNDREDTH): number {
  const step = numberOf(schema.multipleOf) ?? grain;
  const { least, most, above, below } = boundsOf(schema, SPAN * Math.max(1, step));
  let first = Math.ceil(least / step);
  if (first * step <= above) first++;
  let last = Math.floor(most / step);
  if (last * step >= below) last--;
  if (last < first) return (least + most) / 2;
  return Number(((first + Math.floor(random() * (last - first + 1))) * step).toPrecision(DIGITS));
}

/** `above` and `below` are not reached. Bounds as wide as all safe integers are none. */
function boundsOf(schema: Keywords, span: number) {
  const above = numberOf(schema.exclusiveMinimum) ?? -Infinity;
  const below = numberOf(schema.exclusiveMaximum) ?? Infinity;
  const low = Math.max(numberOf(schema.minimum) ?? -Infinity, above);
  const high = Math.min(numberOf(schema.maximum) ?? Infinity, below);
  const least = low > Number.MIN_SAFE_INTEGER ? low : Math.min(0, high - span);
  const most = high < Number.MAX_SAFE_INTEGER ? high : least + span;
  return { least, most, above, below };
}

const FORMATS: Readonly<Record<string, (random: () => number) => string>> = {
  date: (random) => dateOf(random).slice(0, 10),
  'date-time': dateOf,
  time: (random) => dateOf(random).slice(11),
  email: (random) => `${inventWord(random)}@example.com`,
  uri: (random) => `https://example.com/${inventWord(random)}`,
  hostname: (random) => `${inventWord(random)}.example.com`,
  ipv4: (random) => `192.0.2.${Math.floor(random() * 255)}`,
  uuid: (random) => `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-8${hex(random, 3)}-${hex(random, 12)}`,
};

const DAY_MS = 86_400_000;
const DAYS = 20_000;

function dateOf(random: () => number): string {
  return new Date(Math.floor(random() * DAYS * DAY_MS)).toISOString();
}

const hex = (random: () => number, length: number) =>
  Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');

/** Words, or what a format looks like. Patterns are not looked at. */
export function inventText(schema: Keywords, random: () => number): string {
  const known = typeof schema.format === 'string' ? FORMATS[schema.format] : undefined;
  if (known) return known(random);
  let text = inventWords(random, 1 + Math.floor(random() * 3)).join('');
  while (text.length < (numberOf(schema.minLength) ?? 0)) text += ` ${inventWord(random)}`;
  return text.slice(0, numberOf(schema.maxLength));
}
