import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Profile } from '../connection.ts';
import { UsageError } from '../usage-error.ts';

/** What is kept for a person on this machine: logins with their keys, and settings. */
export interface UserFile {
  profiles: Record<string, Profile>;
  settings: Record<string, unknown>;
}

export const OWNER_ONLY = 0o600;

/** `ECO_CONFIG_DIR`, else where the system keeps such files. */
export function userFilePath(env: NodeJS.ProcessEnv = process.env): string {
  const home = process.platform === 'win32' ? env.APPDATA : env.XDG_CONFIG_HOME;
  return join(env.ECO_CONFIG_DIR || join(home || join(homedir(), '.config'), 'eco'), 'config.json');
}

export function readUserFile(path = userFilePath()): UserFile {
  if (!existsSync(path)) return { profiles: {}, settings: {} };
  try {
    const { profiles = {}, settings = {} } = JSON.parse(readFileSync(path, 'utf8'));
    return { profiles, settings };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause;
    throw new UsageError(`${path} cannot be read: ${why}.`, { hint: 'eco doctor', cause });
  }
}

/** Replaces the file in one step, readable by its owner alone. Returns its path. */
export function writeUserFile(content: UserFile, path = userFilePath()): string {
  const next = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(next, `${JSON.stringify(content, null, 2)}\n`, { mode: OWNER_ONLY });
  chmodSync(next, OWNER_ONLY); // also where an earlier one was left behind
  renameSync(next, path);
  return path;
}
