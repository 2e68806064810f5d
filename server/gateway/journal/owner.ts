import { readFileSync } from 'node:fs';
import type { Open } from './format.ts';

const ours = new Set<string>();

export function openEntry(serverId: string): Open {
  ours.add(serverId);
  return { type: 'open', server_id: serverId, pid: process.pid, pid_epoch: epochOf(process.pid) };
}

/** From here on the files of this server are anybody's to replay. */
export const disown = (serverId: string): boolean => ours.delete(serverId);

/** Whether the process that wrote this lives, on this machine: a directory belongs to one machine. */
export function isAlive({ server_id, pid, pid_epoch }: Open): boolean {
  if (pid === process.pid) return ours.has(server_id);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const epoch = epochOf(pid);
  return epoch === null || epoch === pid_epoch;
}

const STATE = 0;
const START_TIME = 19;

/** When the process began, in the kernel's words; `dead` for one that only waits to be buried; null where there is no /proc. */
function epochOf(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[STATE] === 'Z' ? 'dead' : (fields[START_TIME] ?? null);
  } catch {
    return null;
  }
}
