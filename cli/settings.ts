import type { Profile } from './connection.ts';
import { UsageError } from './usage-error.ts';

interface Settings {
  profiles: Record<string, Profile>;
}

const PROFILE_NAME = /^[\w-]{1,40}$/;
const OWNER_ONLY = 0o600;

/** The profile in force: `--profile`, `ECO_PROFILE`, or "default". */
export function profileName(flag: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const name = flag ?? env.ECO_PROFILE ?? 'default';
  if (!PROFILE_NAME.test(name))
    throw new UsageError(`A profile is named by 1 to 40 letters, digits, "_" and "-", not ${JSON.stringify(name)}.`);
  return name;
}

export async function findProfile(name: string): Promise<Profile | undefined> {
  const { profiles } = (await openSettings()).store;
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

/** Keeps what is given and leaves the rest, unless the server is another one. Returns the path of the file. */
export async function saveProfile(name: string, profile: Profile): Promise<string> {
  const settings = await openSettings();
  const { profiles } = settings.store;
  const earlier = profiles[name]?.api_url === profile.api_url ? profiles[name] : undefined;
  settings.set('profiles', { ...profiles, [name]: { ...earlier, ...profile } });
  return settings.path;
}

async function openSettings() {
  const { default: Conf } = await import('conf');
  const cwd = process.env.ECO_CONFIG_DIR;
  return new Conf<Settings>({
    projectName: 'eco',
    projectSuffix: '',
    configFileMode: OWNER_ONLY,
    defaults: { profiles: {} },
    ...(cwd && { cwd }),
  });
}
