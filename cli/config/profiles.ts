import type { Profile } from '../connection.ts';
import { readLayers } from './layers.ts';
import { resolveSettings } from './settings.ts';
import { readUserFile, writeUserFile } from './user-file.ts';

export const DEFAULT_PROFILE = 'default';

/** The profile in force: by flag, environment, project or user, or "default". */
export function profileName(flag: string | undefined): string {
  return resolveSettings(readLayers({ profile: flag })).profile?.value ?? DEFAULT_PROFILE;
}

export function findProfile(name: string): Profile | undefined {
  const { profiles } = readUserFile();
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

/** Keeps what is given and leaves the rest, unless the server is another one. Returns the path of the file. */
export function saveProfile(name: string, profile: Profile): string {
  const file = readUserFile();
  const earlier = file.profiles[name]?.api_url === profile.api_url ? file.profiles[name] : undefined;
  return writeUserFile({ ...file, profiles: { ...file.profiles, [name]: { ...earlier, ...profile } } });
}

/** Forgets the login; the key itself lives on at the server. False if there is none of this name. */
export function removeProfile(name: string): boolean {
  const file = readUserFile();
  if (!Object.hasOwn(file.profiles, name)) return false;
  const { [name]: _removed, ...profiles } = file.profiles;
  writeUserFile({ ...file, profiles });
  return true;
}
