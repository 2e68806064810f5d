import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RigOptions } from './options.ts';
import type { OwnedProcess } from './processes.ts';

export interface RigNode {
  name: string;
  index: number;
  ip: string;
  cpu: number;
  memory: string;
  gpus: string;
  labels: Record<string, string>;
  taint: boolean;
}

export interface Region {
  name: string;
  /** It has 127.<octet>.0.0/16 to itself. */
  octet: number;
  dir: string;
  ip: string;
  /** URL of its API server. */
  server: string;
  /** First two octets of pods' addresses. */
  podNet: string;
  /** The administrator's. */
  kubeconfig: string;
  nodes: RigNode[];
  pids: Record<string, OwnedProcess>;
}

/** What `rig.json` holds. */
export interface RigState {
  dir: string;
  options: RigOptions;
  binary: string;
  startSeconds: number;
  regions: Region[];
}

export const stateFile = (dir: string): string => join(dir, 'rig.json');
export const regionFile = ({ dir }: Pick<Region, 'dir'>): string => join(dir, 'region.json');
export const isNode = (region: Region, component: string): boolean =>
  region.nodes.some(({ name }) => name === component);

export function loadRig(dir: string): RigState {
  return JSON.parse(readFileSync(stateFile(dir), 'utf8'));
}

/** Unless it has been removed meanwhile: a signal may take a rig down while it is started. */
export function saveRig(rig: RigState): void {
  if (existsSync(rig.dir)) writeAtomically(stateFile(rig.dir), JSON.stringify(rig, null, 2));
}

/** Never half a file for whoever reads it just now. */
export function writeAtomically(file: string, text: string): void {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text, { mode: 0o600 });
  renameSync(part, file);
}

const CONTROL_PLANE = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'];

/** A region of a rig, and whether it has such a component. */
export function getRegion(dir: string, name: string, component?: string): { rig: RigState; region: Region } {
  const rig = loadRig(dir);
  const region = rig.regions.find((each) => each.name === name);
  if (!region) throw new Error(`no region ${name}; there are ${rig.regions.map((each) => each.name).join(', ')}`);
  const components = [...CONTROL_PLANE, ...region.nodes.map((node) => node.name)];
  if (component !== undefined && !components.includes(component))
    throw new Error(`no component ${component}; there are ${components.join(', ')}`);
  return { rig, region };
}
