export const MASK = '********';
/** A shorter value would be found everywhere, and hides nothing. */
const MASKED_MIN_CHARS = 4;

/** Replaces each secret value by stars, longest first, so that no part of one stays beside another. */
export function openMask(secrets: Record<string, string>): (text: string) => string {
  const values = Object.values(secrets).filter((value) => value.length >= MASKED_MIN_CHARS);
  const longestFirst = values.toSorted((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((masked, value) => masked.replaceAll(value, MASK), text);
}
