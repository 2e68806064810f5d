/** Fields that a manifest says and the object that came of it has otherwise, as `path: said → made`. What the cluster adds is its own. */
export function differences(said: unknown, made: unknown, path = ''): string[] {
  if (isEmpty(said) && isEmpty(made)) return [];
  if (Array.isArray(said) && Array.isArray(made) && said.length === made.length)
    return said.flatMap((each, index) => differences(each, made[index], `${path}[${index}]`));
  if (isRecord(said) && isRecord(made))
    return Object.entries(spelled(said)).flatMap(([key, value]) => differences(value, made[key], `${path}.${key}`));
  return same(said, made) ? [] : [`${path}: ${JSON.stringify(said)} → ${JSON.stringify(made)}`];
}

/** Kubernetes leaves out what is empty. */
const isEmpty = (value: unknown) =>
  value === undefined || value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is only written comes back under another name. */
function spelled({ stringData, ...rest }: Record<string, unknown>): Record<string, unknown> {
  if (!isRecord(stringData)) return rest;
  const data = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  return { ...rest, data: Object.fromEntries(data) };
}

const same = (said: unknown, made: unknown) =>
  said === made || (typeof said === 'string' && typeof made === 'string' && quantity(said) === quantity(made));

const UNITS = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** `1024Gi` is `1Ti`; NaN, which nothing equals, where it is no quantity. */
function quantity(text: string): number {
  const [, number, unit = ''] = /^(\d+)([A-Za-z]*)$/.exec(text) ?? [];
  return unit in UNITS ? Number(number) * UNITS[unit as keyof typeof UNITS] : Number.NaN;
}
