import type { JsonSchema } from '../openapi/schemas.ts';

/** In a word or a few: `string`, `list of integer`, or the values themselves. */
export function typeOf({ type, anyOf, enum: values, const: value, items, oneOf }: JsonSchema): string {
  const several = (anyOf ?? oneOf) as JsonSchema[] | undefined;
  if (several) return [...new Set(several.map(typeOf))].join(' or ');
  if (Array.isArray(values)) return values.map((each) => `\`${each}\``).join(' ');
  if (value !== undefined) return `\`${value}\``;
  if (type === 'array') return `list of ${typeOf((items ?? {}) as JsonSchema) || 'anything'}`;
  return typeof type === 'string' ? type : '';
}

/** What is said of it, its bounds and its default. */
export function descriptionOf({
  description,
  default: fallback,
  minimum,
  maximum,
  maxLength,
  minItems,
  maxItems,
}: JsonSchema): string {
  const bounds =
    rangeOf(minimum, maximum, '') ??
    rangeOf(undefined, maxLength, ' characters') ??
    rangeOf(minItems, maxItems, ' entries');
  const said = [description, bounds, fallback === undefined ? undefined : `Default: \`${JSON.stringify(fallback)}\`.`];
  return said.filter((text) => text !== undefined).join(' ');
}

function rangeOf(from: unknown, to: unknown, unit: string): string | undefined {
  if (from !== undefined && to !== undefined) return `${from} to ${to}${unit}.`;
  if (from !== undefined) return `At least ${from}${unit}.`;
  return to === undefined ? undefined : `At most ${to}${unit}.`;
}
