/** Where names come from: a list of the server, or what is kept on this machine. */
export const sources = [
  'workloads',
  'instances',
  'models',
  'served',
  'platform',
  'regions',
  'gpus',
  'keys',
  'aliases',
  'profiles',
  'settings',
  'files',
] as const;
export type Source = (typeof sources)[number];

/** By the name of an argument or flag. */
const byName: Record<string, Source> = {
  workload: 'workloads',
  instance: 'instances',
  model: 'models',
  region: 'regions',
  gpu: 'gpus',
  key: 'keys',
  alias: 'aliases',
  platform: 'platform',
  profile: 'profiles',
  setting: 'settings',
  config: 'files',
  data: 'files',
  file: 'files',
  'env-file': 'files',
  'secrets-file': 'files',
};

/** Where the same name means something else. */
const byCommand: Record<string, Source> = {
  'chat model': 'served',
  'keys:create model': 'served',
  'profiles:use name': 'profiles',
  'profiles:remove name': 'profiles',
};

export function sourceOf(commandId: string, name: string): Source | undefined {
  return byCommand[`${commandId} ${name}`] ?? byName[name];
}
