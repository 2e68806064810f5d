import { type SpawnSyncOptionsWithStringEncoding, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { getRegion } from './state.ts';

/** Runs the rig's own kubectl as a region's administrator. */
export function kubectl(
  dir: string,
  regionName: string,
  args: readonly string[],
  options: Partial<SpawnSyncOptionsWithStringEncoding> = {},
): SpawnSyncReturns<string> {
  const { program, words, env } = commandOf(dir, regionName, args);
  return spawnSync(program, words, { encoding: 'utf8', env, ...options });
}

/** For what goes on: `logs -f`, `port-forward`. */
export function startKubectl(dir: string, regionName: string, args: readonly string[]) {
  const { program, words, env } = commandOf(dir, regionName, args);
  return spawn(program, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
}

function commandOf(dir: string, regionName: string, args: readonly string[]) {
  const { rig, region } = getRegion(dir, regionName);
  return {
    program: rig.binary,
    words: ['kubectl', '--kubeconfig', region.kubeconfig, ...args],
    env: { ...process.env, KUBECACHEDIR: join(region.dir, 'kubectl-cache') }, // not below $HOME
  };
}
