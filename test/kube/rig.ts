import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { rigBinary } from './binary.ts';
import { endPolitely, forgetEnded, kill, launch } from './launch.ts';
import { createRig } from './layout.ts';
import { releaseOctet, removeRoute } from './networks.ts';
import { DEFAULTS, type RigOptions } from './options.ts';
import { memoryMib, type ProcessState, processState, signalProcess } from './processes.ts';
import { apiServerReady, startRegion } from './start-region.ts';
import { getRegion, isNode, loadRig, type Region, type RigState, saveRig, stateFile } from './state.ts';

const NODE_STOP_TIMEOUT_MS = 3_000;

/** Starts the rig in `dir`, or what is down of one that was made there before; data and options stay as they were. */
export async function up(dir: string, options: Partial<RigOptions> = {}): Promise<RigState> {
  const began = performance.now();
  const binary = rigBinary();
  const rig = existsSync(stateFile(dir)) ? loadRig(dir) : createRig(dir, { ...DEFAULTS, ...options }, binary);
  rig.options.owner = options.owner ?? 0;
  rig.binary = binary;
  saveRig(rig);
  try {
    await Promise.all(rig.regions.map((region) => startRegion(rig, region)));
  } catch (error) {
    await down(dir);
    const why = error instanceof Error ? error.message : error;
    throw existsSync(dir) ? error : new Error(`the rig was removed while it was started: ${why}`, { cause: error });
  }
  rig.startSeconds = (performance.now() - began) / 1000;
  saveRig(rig);
  return rig;
}

/** Ends every process of the rig, and no other, unless that has been done. Data and logs stay, unless `remove`. */
export async function down(dir: string, { remove = false }: { remove?: boolean } = {}): Promise<void> {
  if (!existsSync(stateFile(dir))) return;
  let rig = loadRig(dir);
  while (rig.regions.some(isRunning)) {
    await Promise.all(rig.regions.map(endRegion));
    rig = loadRig(dir); // who is starting it just now may have gone on
  }
  for (const region of rig.regions) {
    forgetEnded(region);
    removeRoute(rig, region);
    releaseOctet(region);
  }
  saveRig(rig);
  if (remove) removeFiles(rig);
}

/** Ends one component (`etcd`, `kube-apiserver`, …, or a node's name): politely, or at once with `force`. */
export async function stop(
  dir: string,
  regionName: string,
  component: string,
  { force = false }: { force?: boolean } = {},
): Promise<void> {
  const { rig, region } = getRegion(dir, regionName, component);
  await (force ? kill(region, component) : endPolitely(region, component));
  saveRig(rig);
}

export async function start(dir: string, regionName: string, component: string): Promise<void> {
  const { rig, region } = getRegion(dir, regionName, component);
  forgetEnded(region);
  launch(rig, region, component);
  if (component === 'kube-apiserver') await apiServerReady(region);
  saveRig(rig);
}

/** Freezes a component: connections stay open, nothing answers. A frozen node is a lost node. */
export function pause(dir: string, regionName: string, component: string): void {
  signalProcess(getRegion(dir, regionName, component).region.pids[component], 'SIGSTOP');
}

export function resume(dir: string, regionName: string, component: string): void {
  signalProcess(getRegion(dir, regionName, component).region.pids[component], 'SIGCONT');
}

export interface ComponentStatus {
  pid: number;
  state: ProcessState;
  memory_mib: number;
}

export interface RegionStatus {
  region: string;
  components: Record<string, ComponentStatus>;
}

export const status = (dir: string): RegionStatus[] =>
  loadRig(dir).regions.map(({ name, pids }) => ({
    region: name,
    components: Object.fromEntries(
      Object.entries(pids).map(([component, owned]) => [
        component,
        { pid: owned.pid, state: processState(owned), memory_mib: memoryMib(owned) },
      ]),
    ),
  }));

const isRunning = ({ pids }: Region) => Object.values(pids).some((owned) => processState(owned) !== 'gone');

/** Nodes get the time to end their containers, the control plane none. */
async function endRegion(region: Region): Promise<void> {
  for (const { name } of region.nodes) signalProcess(region.pids[name], 'SIGCONT');
  const end = (name: string) =>
    isNode(region, name) ? endPolitely(region, name, NODE_STOP_TIMEOUT_MS) : kill(region, name);
  await Promise.all(Object.keys(region.pids).map(end));
}

function removeFiles({ dir, regions }: RigState): void {
  for (const region of regions) rmSync(region.dir, { recursive: true, force: true });
  rmSync(stateFile(dir));
  if (readdirSync(dir).length === 0) rmdirSync(dir);
}
