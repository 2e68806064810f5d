import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from './components.ts';
import { ended, killStrays, own, processState, signalProcess } from './processes.ts';
import { isNode, type Region, type RigState, saveRig } from './state.ts';

const STOP_TIMEOUT_MS = 5_000;

/** Starts a component, unless it runs; its output goes to `logs/`. */
export function launch(rig: RigState, region: Region, name: string): void {
  if (processState(region.pids[name]) !== 'gone') return;
  if (isNode(region, name)) killStrays(straysOf(region, name), region.dir);
  const [program, ...args] = commandLine(rig, region, name);
  const log = openSync(join(region.dir, 'logs', `${name}.log`), 'a');
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: region.dir,
    env: { ...process.env, GOGC: '60', GOMAXPROCS: '2', KUBE_RIG_OWNER: String(rig.options.owner || '') },
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  region.pids[name] = own(child.pid);
  saveRig(rig);
}

/** Ends a component at once, a node with its containers. */
export async function kill(region: Region, name: string): Promise<void> {
  const owned = region.pids[name];
  signalProcess(owned, 'SIGKILL');
  await ended(owned, STOP_TIMEOUT_MS);
  delete region.pids[name];
  if (isNode(region, name)) killStrays(straysOf(region, name), region.dir);
}

/** Lets it end by itself first. */
export async function endPolitely(region: Region, name: string, timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
  signalProcess(region.pids[name], 'SIGTERM');
  await ended(region.pids[name], timeoutMs);
  await kill(region, name);
}

export function forgetEnded(region: Region): void {
  for (const [name, owned] of Object.entries(region.pids)) if (processState(owned) === 'gone') delete region.pids[name];
}

const straysOf = ({ dir }: Region, node: string) => join(dir, 'nodes', node, 'pids');
