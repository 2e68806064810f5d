import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { engineOfWorkload, engines } from '../../workloads/engines/index.ts';
import { sim } from '../../workloads/engines/sim.ts';
import type { Deployment } from '../driver.ts';
import { simulatorProgram } from './program.ts';
import type { Kept, SlotSpec } from './slot.ts';

/** Program and arguments: a command, else the engine's own program. Empty where the engine is not one that has any. */
export function argvOf({ engine, command, args }: Pick<Deployment, 'engine' | 'command' | 'args'>): string[] {
  if (command !== null) return [...command, ...args];
  const { name, program } = engineOfWorkload(engine);
  if (name === 'sim') return [process.execPath, simulatorProgram, ...args];
  return program.length === 0 ? [] : [...program, ...args];
}

/** Engines that can be started on this machine, the simulator always. */
export const findInstalled = (path = process.env.PATH): string[] =>
  engines
    .filter(({ name, binary }) => name === 'sim' || (binary !== null && findProgram(binary, '/', path) !== undefined))
    .map(({ name }) => name);

const OTHERWISE = `use --image ${sim.image}, or --command`;

/** Why this cannot run here, as a sentence that says what to do; undefined where it can. */
export function findProblem(
  { argv, cwd, env, secrets, region }: SlotSpec,
  { engine, command, mounts }: Pick<Deployment, 'engine' | 'command' | 'mounts'>,
): string | undefined {
  const [program] = argv;
  if (program === undefined) return `${region} runs commands of this machine, not images: ${OTHERWISE}.`;
  if ([...argv, ...Object.values(env), ...Object.values(secrets)].some((text) => text.includes('\0')))
    return 'An argument or a variable contains a null byte, which no process can be given.';
  const missing = mounts.find((mount) => !existsSync(mount.path));
  if (missing)
    return `There is no folder ${missing.path} on this machine, which the filesystem "${missing.filesystem}" is.`;
  const path = { ...inherited(), ...env, ...secrets }.PATH;
  const { binary } = engineOfWorkload(engine);
  if (command === null && binary !== null && !findProgram(binary, cwd, path))
    return `There is no program "${binary}" on the PATH of this machine: install ${engine}, ${OTHERWISE}.`;
  if (findProgram(program, cwd, path)) return undefined;
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
    HOST: '127.0.0.1',
    ...spec.env,
    ...spec.secrets,
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID', // as nvidia-smi counts; some engines read no UUIDs
    CUDA_VISIBLE_DEVICES: (state.gpus ?? []).join(','),
    ECO_REPLICA: spec.id,
    ECO_REGION: spec.region,
    ECO_WORKLOAD: `${spec.name}:${spec.workload_id}`,
    PORT: String(state.port),
  };
}

/** `$(HOST)` and `$(PORT)` become what the process is told in its environment; `$$(PORT)` loses a dollar and stays. */
export const fillIn = (argv: readonly string[], env: Readonly<Record<string, string>>): string[] =>
  argv.map((text) =>
    text.replaceAll(/\$?\$\((HOST|PORT)\)/g, (found, name) =>
      found.startsWith('$$') ? found.slice(1) : (env[name] ?? found),
    ),
  );

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
