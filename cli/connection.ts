import { layerKinds, type Resolved } from './config/settings.ts';
import { UsageError } from './usage-error.ts';

/** What is kept of a login. The admin key stands beside the account's own: each command takes the one it needs. */
export interface Profile {
  api_url: string;
  api_key?: string | undefined;
  admin_key?: string | undefined;
}

export type KeyKind = 'account' | 'admin';

export interface Connection {
  baseUrl: string | undefined;
  /** Where the server is named. */
  urlFrom: string;
  apiKey: string | undefined;
  /** Where the key is from, or why there is none. */
  keyFrom: string;
  /** The login that a key of the environment goes before. */
  shadowed: string | undefined;
}

export interface Choices {
  kind: KeyKind;
  settings: Resolved;
  env: NodeJS.ProcessEnv;
  profiles: Readonly<Record<string, Profile>>;
}

/**
 * The server and the key for it. A stored key is only ever sent to the server it was stored for, and none at all to a
 * server that only a file of the project names.
 */
export function chooseConnection(choices: Choices): Connection {
  const name = choices.settings.profile?.value ?? 'default';
  const profile = Object.hasOwn(choices.profiles, name) ? choices.profiles[name] : undefined;
  const { baseUrl, urlFrom } = chooseServer(choices, name, profile);
  const given = keyOfEnvironment(choices);
  const stored = profile && profile.api_url === baseUrl ? storedKey(profile, choices.kind) : undefined;
  if (given !== undefined) {
    refuseStranger(choices, baseUrl);
    return { baseUrl, urlFrom, ...given, shadowed: stored === undefined ? undefined : name };
  }
  const keyFrom = stored === undefined ? whyNone(name, profile, baseUrl) : `login "${name}"`;
  return { baseUrl, urlFrom, apiKey: stored, keyFrom, shadowed: undefined };
}

/** The address that is named nearer to the command than the login; else that of the login. */
function chooseServer({ settings }: Choices, name: string, profile: Profile | undefined) {
  const { api_url: named, profile: chosen } = settings;
  const isNearer = named && (!chosen || layerKinds.indexOf(named.kind) <= layerKinds.indexOf(chosen.kind));
  if (named && (isNearer || !profile)) return { baseUrl: named.value, urlFrom: named.origin };
  return { baseUrl: profile?.api_url, urlFrom: profile ? `login "${name}"` : 'default' };
}

/** What the command line names goes before the environment, so `--profile` sets its keys aside. */
function keyOfEnvironment({ settings, env, kind }: Choices) {
  if (settings.profile?.kind === 'flag') return undefined;
  const variables = kind === 'admin' ? ['ECO_ADMIN_KEY', 'ECO_API_KEY'] : ['ECO_API_KEY'];
  const variable = variables.find((each) => env[each]);
  return variable === undefined ? undefined : { apiKey: env[variable], keyFrom: variable };
}

const storedKey = ({ api_key, admin_key }: Profile, kind: KeyKind) =>
  kind === 'admin' ? (admin_key ?? api_key) : (api_key ?? admin_key);

/** Whoever writes `eco.json` must not be able to have keys of its readers sent to a server of theirs. */
function refuseStranger({ settings, profiles }: Choices, baseUrl: string | undefined): void {
  const { api_url: named } = settings;
  const isKnown = Object.values(profiles).some(({ api_url }) => api_url === baseUrl);
  if (named?.kind !== 'project' || named.value !== baseUrl || isKnown) return;
  throw new UsageError(
    `${named.origin} names the server ${baseUrl}, where you are not logged in: no key is sent there on its word.`,
    { hint: `If you trust it: eco login --api-url ${baseUrl}, or set ECO_API_URL=${baseUrl}` },
  );
}

function whyNone(name: string, profile: Profile | undefined, baseUrl: string | undefined): string {
  if (!profile) return `there is no login "${name}", and ECO_API_KEY is not set`;
  return `the login "${name}" is for ${profile.api_url}, not for ${baseUrl}`;
}
