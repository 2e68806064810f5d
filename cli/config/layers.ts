import { findProjectFile } from './project-file.ts';
import { type Layer, readSettings, type Settings, settings } from './settings.ts';
import { readUserFile, userFilePath } from './user-file.ts';

export interface ConnectionFlags {
  'api-url'?: string | undefined;
  profile?: string | undefined;
}

/** All that may set something, read anew. */
export function readLayers(flags: ConnectionFlags = {}, env: NodeJS.ProcessEnv = process.env): Layer[] {
  return [flagLayer(flags), environmentLayer(env), ...projectLayer(), userLayer(env), defaultLayer];
}

function flagLayer(flags: ConnectionFlags): Layer {
  const origin = (name: keyof Settings) => `--${name.replaceAll('_', '-')}`;
  return { kind: 'flag', values: readSettings({ api_url: flags['api-url'], profile: flags.profile }, origin), origin };
}

export function environmentLayer(env: NodeJS.ProcessEnv): Layer {
  const origin = (name: keyof Settings) => settings[name].variable;
  const values = Object.entries(settings).map(([name, { variable }]) => [name, env[variable]]);
  return { kind: 'environment', values: readSettings(Object.fromEntries(values), origin), origin };
}

function projectLayer(): Layer[] {
  const file = findProjectFile();
  return file ? [{ kind: 'project', values: file.values, origin: () => file.path }] : [];
}

function userLayer(env: NodeJS.ProcessEnv): Layer {
  const path = userFilePath(env);
  const values = readSettings(readUserFile(path).settings, (name) => `${path}: ${name}`);
  return { kind: 'user', values, origin: () => path };
}

const defaultLayer: Layer = {
  kind: 'default',
  values: { profile: 'default', output: 'text' },
  origin: () => 'default',
};
