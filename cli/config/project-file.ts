import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { didYouMean } from '../../sdk/near.ts';
import { UsageError } from '../usage-error.ts';
import { isSettingName, readSettings, type Settings, settingNames } from './settings.ts';

export const PROJECT_FILE = 'eco.json';
const SECRET = /key|token|secret|password/i;

export interface ProjectFile {
  path: string;
  values: Partial<Settings>;
}

/** The nearest `eco.json` from `folder` upwards. It belongs to whoever wrote the project, so it can hold no key. */
export function findProjectFile(folder = process.cwd()): ProjectFile | undefined {
  const path = foldersUpwards(resolve(folder))
    .map((each) => join(each, PROJECT_FILE))
    .find(existsSync);
  return path === undefined ? undefined : { path, values: parseProjectFile(readFileSync(path, 'utf8'), path) };
}

function foldersUpwards(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersUpwards(parent)];
}

/** Throws with the name of the file and the field for what is no setting. */
export function parseProjectFile(text: string, path: string): Partial<Settings> {
  const content = parseObject(text, path);
  for (const name of Object.keys(content)) {
    if (isSettingName(name)) continue;
    if (SECRET.test(name))
      throw new UsageError(`${path}: "${name}" is refused: a file of the project holds no key, others read it too.`, {
        hint: 'Remove it there and keep the key with: eco login',
      });
    throw new UsageError(
      `${path}: there is no setting "${name}".${didYouMean(name, settingNames)} Settings are ${settingNames.join(', ')}.`,
      { hint: 'eco config list' },
    );
  }
  return readSettings(content, (name) => `${path}: ${name}`);
}

function parseObject(text: string, path: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return { ...content };
  } catch {}
  throw new UsageError(`${path} is no JSON object: write it like {"region": ["eu-1"]}.`);
}
