import { Refusal } from '../refusal.ts';

export type Fields = Record<string, unknown>;

export const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The fields of a JSON body. Refuses anything else. */
export function readFields(body: Buffer): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(400, 'The body is not JSON.');
  }
  if (!isRecord(value)) throw new Refusal(400, 'The body must be a JSON object.');
  return value;
}

export const modelOf = ({ model }: Fields): string => (typeof model === 'string' ? model : 'sim');

/** A whole number within bounds, undefined where the field is absent or null. */
export function readWhole(fields: Fields, name: string, min: number, max: number): number | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  const atMost = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new Refusal(400, `${name}: must be a whole number ${atMost}.`, name);
}

/** What makes an answer the same again. */
export const readSeed = (fields: Fields): number | undefined =>
  readWhole(fields, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

/** A text; where it is absent the fallback, or a refusal if there is none. */
export function readText(fields: Fields, name: string, fallback?: string): string {
  const value = fields[name] ?? fallback;
  if (typeof value === 'string') return value;
  throw new Refusal(400, `${name}: must be a text.`, name);
}

/** One of some texts, the first of them where the field is absent. */
export function readChoice<T extends string>(fields: Fields, name: string, choices: readonly [T, ...T[]]): T {
  const value = fields[name] ?? choices[0];
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new Refusal(400, `${name}: must be ${choices.join(', ')}, not ${JSON.stringify(value)}.`, name);
}
