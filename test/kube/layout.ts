import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nodeLabels, parseNodes } from './gpu-nodes.ts';
import { claimOctet } from './networks.ts';
import { type RigOptions, regionNames } from './options.ts';
import { type Region, type RigNode, type RigState, regionFile, saveRig } from './state.ts';

const LEASE_SECONDS = 8;

/** Folders, addresses, certificates and kubeconfigs of a new rig; nothing runs yet. */
export function createRig(folder: string, options: RigOptions, binary: string): RigState {
  const dir = resolve(folder);
  mkdirSync(dir, { recursive: true });
  const rig: RigState = { dir, options, binary, startSeconds: 0, regions: [] };
  saveRig(rig); // so that the claim on the networks counts
  for (const name of regionNames(options.regions)) rig.regions.push(createRegion(rig, name));
  return rig;
}

function createRegion({ dir: root, options, binary }: RigState, name: string): Region {
  const octet = claimOctet(root);
  const dir = join(root, name);
  const region = {
    name,
    octet,
    dir,
    ip: `127.${octet}.0.1`,
    server: `https://127.${octet}.0.1:6443`,
    podNet: options.podNet === 'isolated' ? `100.${64 + octet}` : `127.${octet}`,
    nodes: createNodes(options, name, octet),
  };
  for (const sub of ['kubeconfig', 'logs', 'pki', 'volumes']) mkdirSync(join(dir, sub), { recursive: true });
  for (const node of region.nodes) mkdirSync(join(dir, 'nodes', node.name, 'pids'), { recursive: true });
  const { crashBackoffMax, run } = options;
  const forBinary = { ...region, run: run.map(parseRun), crashBackoffMax, leaseSeconds: LEASE_SECONDS };
  writeFileSync(regionFile(region), JSON.stringify(forBinary, null, 2));
  execFileSync(binary, ['pki', regionFile(region)]);
  return { ...region, kubeconfig: join(dir, 'kubeconfig', 'admin.yaml'), pids: {} };
}

function createNodes(options: RigOptions, region: string, octet: number): RigNode[] {
  return parseNodes(options.nodes).map((kind, at) => {
    const index = at + 1;
    const { type, machine, gpus } = kind;
    return {
      name: `gpu-${region}-${index}`,
      index,
      ip: `127.${octet}.${index}.1`,
      cpu: machine.cpu,
      memory: machine.ram,
      gpus: type === 'cpu' ? '' : String(gpus),
      labels: nodeLabels(region, kind, index),
      taint: options.taint && type !== 'cpu',
    };
  });
}

function parseRun(pair: string): { image: string; command: string } {
  const at = pair.indexOf('=');
  if (at < 0) throw new Error(`run: ${pair} is not <image pattern>=<shell command>`);
  return { image: pair.slice(0, at), command: pair.slice(at + 1) };
}
