import { createHash } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { SIMULATOR_IMAGE } from '../../workloads/engines.ts';
import type { Deployment } from '../driver.ts';
import { simulatorProgram } from './program.ts';
import type { Kept, SlotSpec } from './slot.ts';

type Wanted = Pick<Deployment, 'image' | 'command' | 'args'>;

/** Program and arguments; a command goes before the image. Empty where the image is not one that local regions have. */
export function argvOf({ image, command, args }: Wanted): string[] {
  if (command !== null) return [...command, ...args];
  return image.split(':')[0] === SIMULATOR_IMAGE ? [process.execPath, simulatorProgram, ...args] : [];
}

/** Why this cannot run here, as a sentence that says what to do; undefined where it can. */
export function findProblem({ argv, cwd, env, secrets, region }: SlotSpec): string | undefined {
  const [program] = argv;
  if (program === undefined)
    return `${region} runs commands of this machine, not images: use --image ${SIMULATOR_IMAGE}, or --command.`;
  if ([...argv, ...Object.values(env), ...Object.values(secrets)].some((text) => text.includes('\0')))
    return 'An argument or a variable contains a null byte, which no process can be given.';
  if (findProgram(program, cwd, { ...inherited(), ...env, ...secrets }.PATH)) return undefined;
  return program.includes('/')
    ? `"${program}" is no file of this machine that may be executed.`
    : `There is no program "${program}" on the PATH of this machine.`;
}

/** The first on the path that may be executed. No shell takes part. */
export function findProgram(program: string, cwd: string, path = ''): string | undefined {
  const places = program.includes('/')
    ? [resolve(cwd, program)]
    : path.split(delimiter).map((folder) => join(folder, program));
  return places.find((place) => isAbsolute(place) && isExecutable(place));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The environment of a process: never the server's own, which holds its secrets. */
export function environmentOf({ spec, state }: Kept): Record<string, string> {
  return {
    ...inherited(),
    CUDA_VISIBLE_DEVICES: (state.gpus ?? []).join(','),
    HOST: '127.0.0.1',
    ...spec.env,
    ...spec.secrets,
    ECO_REPLICA: spec.id,
    ECO_REGION: spec.region,
    ECO_WORKLOAD: `${spec.name}:${spec.workload_id}`,
    PORT: String(state.port),
  };
}

const INHERITED = ['PATH', 'HOME', 'USER', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'];

/** What of the server's environment a process gets. */
export function inherited(): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/** Changes with all that only a new process can take over, and with nothing else. */
export function hashOf({ image, command, args, env, secrets, gpu, port }: Deployment): string {
  const sorted = (record: Record<string, string>) => Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([image, command, args, sorted(env), sorted(secrets), gpu.type, gpu.count, port]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
