type Mask = (text: string) => string;

/**
 * The object with its messages masked, which may quote what a container wrote: before any of them is shortened, as half a
 * secret would not be found. Nothing else: a secret that reads `True` is no reason to misread a condition.
 */
export function masked<T>(value: T, mask: Mask): T {
  if (Array.isArray(value)) return value.map((each) => masked(each, mask)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map((entry) => maskedEntry(entry, mask))) as T;
}

const maskedEntry = ([name, value]: [string, unknown], mask: Mask): [string, unknown] => [
  name,
  name === 'message' && typeof value === 'string' ? mask(value) : masked(value, mask),
];
