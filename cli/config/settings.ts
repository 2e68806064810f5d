import { UsageError } from '../usage-error.ts';

/** What may be set beforehand. Names are those of the files. */
export interface Settings {
  api_url: string;
  profile: string;
  region: string[];
  gpu: string;
  output: (typeof outputs)[number];
}

export type SettingName = keyof Settings;

export const outputs = ['text', 'json'] as const;

interface Setting<T> {
  variable: string;
  meaning: string;
  /** Reads a value of a file, of the environment or of the command line; throws with what is expected. */
  read(value: unknown): T;
}

/** Every setting: its variable, its meaning, and what is accepted. */
export const settings: { readonly [Name in SettingName]: Setting<Settings[Name]> } = {
  api_url: { variable: 'ECO_API_URL', meaning: 'server to talk to', read: readUrl },
  profile: { variable: 'ECO_PROFILE', meaning: 'stored login to use', read: readProfileName },
  region: { variable: 'ECO_REGION', meaning: 'where launches run, separated by commas', read: readList },
  gpu: { variable: 'ECO_GPU', meaning: 'GPUs of each replica of a launch, like h100:2', read: readText },
  output: { variable: 'ECO_OUTPUT', meaning: 'text, or json as with --json', read: readOutput },
};

export const settingNames = Object.keys(settings) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

/** Strongest first: what is nearer to the command counts. */
export const layerKinds = ['flag', 'environment', 'project', 'user', 'default'] as const;
export type LayerKind = (typeof layerKinds)[number];

export interface Layer {
  kind: LayerKind;
  values: Partial<Settings>;
  /** Where a person finds it: a flag, a variable, a file. */
  origin(name: SettingName): string;
}

export interface Found<T> {
  value: T;
  kind: LayerKind;
  origin: string;
}

export type Resolved = { [Name in SettingName]?: Found<Settings[Name]> };

/** Of each setting the strongest value, and where it comes from. */
export function resolveSettings(layers: readonly Layer[]): Resolved {
  const strongestLast = layers.toSorted((a, b) => layerKinds.indexOf(b.kind) - layerKinds.indexOf(a.kind));
  const found = strongestLast.flatMap(({ kind, values, origin }) =>
    Object.entries(values).map(([name, value]) => [name, { value, kind, origin: origin(name as SettingName) }]),
  );
  return Object.fromEntries(found);
}

/** Reads what a file or the environment holds. `where` is named when a value is wrong, `param` where it is written. */
export function readSettings(values: Record<string, unknown>, where: (name: SettingName) => string): Partial<Settings> {
  const given = settingNames.filter((name) => values[name] !== undefined && values[name] !== '');
  return Object.fromEntries(given.map((name) => [name, readSetting(name, values[name], where(name))]));
}

function readSetting(name: SettingName, value: unknown, where: string): unknown {
  try {
    return settings[name].read(value);
  } catch (error) {
    throw new UsageError(`${where}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** As it is written on the command line and in the environment. */
export const settingText = (value: Settings[SettingName]): string => (Array.isArray(value) ? value.join(',') : value);

const PROFILE_NAME = /^[\w-]{1,40}$/;
const ITEMS_MAX = 50;

function readUrl(value: unknown): string {
  const url = URL.parse(readText(value));
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new Error(`${JSON.stringify(value)} is no address of a server: write it like https://eco.example.com.`);
  return readText(value).replace(/\/+$/, '');
}

export function readProfileName(value: unknown): string {
  if (typeof value !== 'string' || !PROFILE_NAME.test(value))
    throw new Error(`A profile is named by 1 to 40 letters, digits, "_" and "-", not ${JSON.stringify(value)}.`);
  return value;
}

function readList(value: unknown): string[] {
  const items = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value;
  if (!Array.isArray(items) || items.length === 0 || items.length > ITEMS_MAX)
    throw new Error(`${JSON.stringify(value)} is no list: write it like eu-1,us-2.`);
  return items.map(readText);
}

function readText(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${JSON.stringify(value)} is no text.`);
  return value;
}

function readOutput(value: unknown): Settings['output'] {
  const output = outputs.find((each) => each === value);
  if (output === undefined) throw new Error(`${JSON.stringify(value)} is neither "text" nor "json".`);
  return output;
}
