import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';

export interface Memory {
  resident_mb: number;
  peak_mb: number;
}

/** Resident memory of process trees, and its peak since the last call, which resets it. */
export function takeMemory(roots: readonly number[]): Memory {
  const pids = treeOf(roots);
  const memory = { resident_mb: sum(pids, 'VmRSS'), peak_mb: sum(pids, 'VmHWM') };
  for (const pid of pids) attempt(() => writeFileSync(`/proc/${pid}/clear_refs`, '5'), undefined);
  return memory;
}

function sum(pids: readonly number[], field: string): number {
  const kilobytes = (pid: number) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  return Math.round(pids.reduce((total, pid) => total + kilobytes(pid), 0) / 1024);
}

function treeOf(roots: readonly number[]): number[] {
  const parents = allPids().map((pid) => [pid, Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1])] as const);
  const found = [...roots];
  for (const root of found) for (const [pid, parent] of parents) if (parent === root) found.push(pid);
  return found;
}

/** The process that listens on a port of this machine. */
export function listenerOf(port: number): number {
  const sockets = listeningInodes(port).map((inode) => `socket:[${inode}]`);
  const listens = (pid: number) =>
    names(`/proc/${pid}/fd`).some((fd) => sockets.includes(attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '')));
  const found = allPids().find(listens);
  if (found === undefined) throw new Error(`No process listens on ${port}; give its pids.`);
  return found;
}

const LISTENING = '0A';

function listeningInodes(port: number): string[] {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => read(file).split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(local) && fields[3] === LISTENING)
    .flatMap((fields) => fields[9] ?? []);
}

const allPids = () =>
  names('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
const names = (folder: string) => attempt(() => readdirSync(folder), []);
const read = (file: string) => attempt(() => readFileSync(file, 'utf8'), '');

/** Processes end while they are looked at. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
