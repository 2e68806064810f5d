import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiOf } from './api.ts';
import { getRegion, writeAtomically } from './state.ts';

/** A rule for new containers; patterns that are left out match all. */
export interface Fault {
  fault: string;
  arg?: string | undefined;
  image?: string | undefined;
  /** Of `<namespace>/<name>`. */
  pod?: string | undefined;
  node?: string | undefined;
}

/** Adds a rule, which goes before those there are, and gives all of them. */
export function addFault(dir: string, regionName: string, rule: Fault): Fault[] {
  const file = faultsFile(dir, regionName);
  const rules = [rule, ...(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [])];
  writeAtomically(file, JSON.stringify(rules));
  return rules;
}

export function clearFaults(dir: string, regionName: string): void {
  writeAtomically(faultsFile(dir, regionName), '[]');
}

/** `<fault>[:<arg>]`. */
export function parseFault(text: string): Pick<Fault, 'fault' | 'arg'> {
  const at = text.indexOf(':');
  return at < 0 ? { fault: text, arg: '' } : { fault: text.slice(0, at), arg: text.slice(at + 1) };
}

const CONTROL_PORT = 10252;

/** Kills the containers of a running pod, as the kernel would, and gives their number. `pod` is `<namespace>/<name>`. */
export async function killPod(
  dir: string,
  regionName: string,
  { pod, reason = 'Error' }: { pod: string; reason?: 'Error' | 'OOMKilled' },
): Promise<number> {
  const { region } = getRegion(dir, regionName);
  const [namespace, name] = pod.split('/');
  const { spec } = await apiOf(region)('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
  const node = region.nodes.find((each) => each.name === spec.nodeName);
  if (!node) throw new Error(`${pod} is not on a node of the rig`);
  const query = new URLSearchParams({ pod, oom: String(reason === 'OOMKilled') });
  const response = await fetch(`http://${node.ip}:${CONTROL_PORT}/kill?${query}`, { method: 'POST' });
  return Number(await response.text());
}

const faultsFile = (dir: string, regionName: string) => join(getRegion(dir, regionName).region.dir, 'faults.json');
