import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A pid counts as ours only with the start time that was noted for it. */
export interface OwnedProcess {
  pid: number;
  /** In ticks since the machine started. */
  since: string;
}

export type ProcessState = 'running' | 'paused' | 'gone';

const POLL_MS = 50;

export function processState(owned: OwnedProcess | undefined): ProcessState {
  if (!owned) return 'gone';
  const [state, since] = readStat(owned.pid);
  if (state === undefined || state === 'Z' || since !== owned.since) return 'gone';
  return state === 'T' ? 'paused' : 'running';
}

export const own = (pid: number): OwnedProcess => ({ pid, since: readStat(pid)[1] ?? '' });

export function signalProcess(owned: OwnedProcess | undefined, signal: NodeJS.Signals): void {
  if (owned && processState(owned) !== 'gone') process.kill(owned.pid, signal);
}

/** Resolves when it has ended, or after so long. */
export async function ended(owned: OwnedProcess | undefined, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (processState(owned) !== 'gone' && performance.now() < deadline) await sleep(POLL_MS);
}

/** Ends process groups of containers whose node died without doing so: `folder` names them, `dir` is where they run. */
export function killStrays(folder: string, dir: string): void {
  if (!existsSync(folder)) return;
  for (const pid of readdirSync(folder)) {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(dir)) process.kill(-Number(pid), 'SIGKILL');
    } catch {
      // it is gone already
    }
    rmSync(join(folder, pid), { force: true });
  }
}

/** Its share of the memory, in MiB. */
export function memoryMib({ pid }: OwnedProcess): number {
  try {
    const [, kib] = /^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    return 0;
  }
}

const STAT_STATE = 0; // counted from behind the name, which may hold anything
const STAT_SINCE = 19;

function readStat(pid: number): [state?: string, since?: string] {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return [fields[STAT_STATE]!, fields[STAT_SINCE]!];
  } catch {
    return [];
  }
}
