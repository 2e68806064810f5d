import type { z } from 'zod';
import type { EngineName, LaunchInput } from '../sdk/index.ts';
import { readEnvFiles } from './env-file.ts';
import { UsageError } from './usage-error.ts';
import { splitWords } from './words.ts';

export interface LaunchFlags {
  gpu?: string | undefined;
  region?: string[] | undefined;
  replicas: number;
  engine?: EngineName | undefined;
  image?: string | undefined;
  command?: string | undefined;
  arg?: string[] | undefined;
  env?: string[] | undefined;
  'env-file'?: string[] | undefined;
  port?: number | undefined;
  'health-path'?: string | undefined;
  'custom-api-path'?: string | undefined;
  'startup-timeout'?: number | undefined;
}

export type Launch = z.input<typeof LaunchInput>;

/** The launch that the flags ask for; secrets come later, as they may have to be asked for. */
export function launchInputOf(model: string, flags: LaunchFlags, env: NodeJS.ProcessEnv): Launch {
  return {
    model,
    replicas: flags.replicas,
    regions: flags.region,
    gpu: flags.gpu === undefined ? undefined : parseGpu(flags.gpu),
    engine: flags.engine,
    image: flags.image,
    command: flags.command === undefined ? undefined : splitWords(flags.command),
    args: flags.arg,
    env: {
      ...readEnvFiles(flags['env-file']),
      ...Object.fromEntries((flags.env ?? []).map((text) => parseVariable(text, env))),
    },
    port: flags.port,
    health_path: flags['health-path'],
    custom_api_path: flags['custom-api-path'],
    startup_seconds: flags['startup-timeout'] === undefined ? undefined : Math.ceil(flags['startup-timeout'] / 1000),
  };
}

/** `h100:2`, `h100`, or `2` of whatever fits. */
export function parseGpu(text: string): { type?: string; count?: number } {
  const [, type, ofType, alone] = /^([a-z][a-z0-9-]*)(?::([1-9]\d?))?$|^([1-9]\d?)$/i.exec(text) ?? [];
  const count = ofType ?? alone;
  if (!type && !count) throw new UsageError(`--gpu ${text}: write a type, a count, or both, like h100:2.`);
  return { ...(type && { type: type.toLowerCase() }), ...(count && { count: Number(count) }) };
}

/** `NAME=value`, or `NAME` for the value it has here. */
function parseVariable(text: string, env: NodeJS.ProcessEnv): [string, string] {
  const at = text.indexOf('=');
  if (at >= 0) return [text.slice(0, at), text.slice(at + 1)];
  const value = env[text];
  if (value === undefined)
    throw new UsageError(`--env ${text}: it is not set here. Set it, or write --env ${text}=value.`);
  return [text, value];
}

/** Secrets by name, from the environment; those it lacks come from `read`. A value on the command line is refused: others could see it. */
export async function readSecrets(
  names: readonly string[],
  env: NodeJS.ProcessEnv,
  read: (name: string) => Promise<string>,
): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const name of names) {
    if (name.includes('='))
      throw new UsageError(
        `--secret takes a name alone. Set ${name.split('=')[0]} in the environment, or pipe its value in.`,
      );
    secrets[name] = env[name] ?? (await read(name));
  }
  return secrets;
}
