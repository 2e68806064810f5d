import type { ModelSource } from '../../sdk/index.ts';
import type { Launch } from '../launch-input.ts';
import { UsageError } from '../usage-error.ts';
import type { DeployFile } from './deploy-file.ts';
import { digest } from './fingerprint.ts';

/** What the file asks for, with the secrets in. */
export interface Wish extends Pick<DeployFile, 'name' | 'smoke' | 'on_success'> {
  model: { name: string; category: DeployFile['model']['category']; source: ModelSource; token: string | undefined };
  launch: Launch;
  /** Of all that makes an instance another one; values of secrets do not count. */
  fingerprint: string;
  drainMs: number;
}

/** Throws a `UsageError` that names the variable of a secret that is not set. */
export function wishOf(file: DeployFile, env: NodeJS.ProcessEnv): Wish {
  const { name, model, secrets, drain, smoke, on_success } = file;
  const { token_env, ...registered } = { ...model, name: model.name ?? name };
  const launch = launchOf(file, registered.name);
  return {
    name,
    model: { ...registered, token: token_env === undefined ? undefined : readVariable('token_env', token_env, env) },
    launch: { ...launch, secrets: Object.fromEntries(secrets.map((key) => [key, readVariable('secrets', key, env)])) },
    fingerprint: digest({ model, launch, secrets }),
    drainMs: drain,
    smoke,
    on_success,
  };
}

function launchOf(file: DeployFile, model: string): Launch {
  const { engine, image, command, args, env, gpu, regions, replicas, port, health_path, startup_timeout } = file;
  const startup_seconds = startup_timeout === undefined ? undefined : Math.ceil(startup_timeout / 1000);
  return { model, engine, image, command, args, env, gpu, regions, replicas, port, health_path, startup_seconds };
}

function readVariable(field: string, name: string, env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (value) return value;
  throw new UsageError(`${field}: ${name} is not set. Set it in the environment, or name a file by --env-file.`);
}
