import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Region, RigState } from './state.ts';
import { stateFile } from './state.ts';

const OCTET_MAX = 119; // an isolated region has 100.<64 + octet>.0.0/16
const lockOf = (octet: number) => join(tmpdir(), 'kube-rig-networks', String(octet));

/** Each region has 127.<octet>.0.0/16 to itself, also between rigs of different folders. */
export function claimOctet(dir: string): number {
  mkdirSync(dirname(lockOf(0)), { recursive: true });
  for (let octet = 1; octet <= OCTET_MAX; octet++) {
    forgetRemovedRig(lockOf(octet));
    if (take(lockOf(octet), dir)) return octet;
  }
  throw new Error('no free 127.x.0.0/16 left');
}

/** `down` gave the network back; a rig that is started again needs the same one, which its certificates name. */
export function holdOctet(dir: string, { octet, name }: Region): void {
  if (take(lockOf(octet), dir)) return;
  const holder = readFileSync(lockOf(octet), 'utf8');
  if (holder !== dir) throw new Error(`127.${octet}.0.0/16 of ${name} is now used by ${holder}`);
}

export const releaseOctet = ({ octet }: Region): void => rmSync(lockOf(octet), { force: true });

/** Addresses that are not loopback may exist only where no packet can leave. */
export function addRoute({ options }: RigState, { podNet }: Region): void {
  if (options.podNet !== 'isolated') return;
  const others = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
  if (others.length > 0)
    throw new Error(
      `--pod-net isolated needs a network namespace of its own (found ${others}): unshare --net sh -c 'ip link set lo up; …'`,
    );
  execFileSync('ip', ['route', 'replace', 'local', `${podNet}.0.0/16`, 'dev', 'lo']);
}

export function removeRoute({ options }: RigState, { podNet }: Region): void {
  if (options.podNet === 'isolated') spawnSync('ip', ['route', 'del', 'local', `${podNet}.0.0/16`, 'dev', 'lo']);
}

function forgetRemovedRig(lock: string): void {
  if (existsSync(lock) && !existsSync(stateFile(readFileSync(lock, 'utf8')))) rmSync(lock, { force: true });
}

function take(lock: string, dir: string): boolean {
  try {
    writeFileSync(lock, dir, { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
