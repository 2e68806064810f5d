export const MASK = '********';
/** A shorter value would be found everywhere, and hides nothing. */
const MASKED_MIN_CHARS = 4;

/** The lines of a key or a certificate; shorter ones are brackets and the like. */
const MASKED_LINE_MIN_CHARS = 8;

/**
 * Replaces each secret value by stars, longest first, so that no part of one stays beside another. Of one with several
 * lines each line, as logs are told line by line.
 */
export function openMask(secrets: Readonly<Record<string, string>>): (text: string) => string {
  const values = Object.values(secrets).flatMap((value) => [
    ...(value.length >= MASKED_MIN_CHARS ? [value] : []),
    ...linesOf(value).filter((line) => line.length >= MASKED_LINE_MIN_CHARS),
  ]);
  const longestFirst = values.toSorted((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((masked, value) => masked.replaceAll(value, MASK), text);
}

function linesOf(value: string): string[] {
  return value.includes('\n') ? value.split('\n').map((line) => line.trim()) : [];
}
