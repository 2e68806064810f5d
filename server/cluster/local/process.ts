import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process id means nothing without the time its process started: ids are given again. */
export interface ProcessIdentity {
  pid: number;
  start_time: string;
}

/** Whether that very process runs. A zombie does not. */
export const isAlive = ({ pid, start_time }: ProcessIdentity): boolean => findStartTime(pid) === start_time;

/** When the living process of this id started, in whatever unit the system has; undefined where there is none. */
export const findStartTime = (pid: number): string | undefined =>
  existsSync('/proc/self/stat') ? readProc(pid) : askPs(pid);

const STATE = 0; // field 3 of proc(5) stands first behind the command's closing bracket
const START_TIME = 19; // field 22

function readProc(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[STATE] === 'Z' || fields[STATE] === 'X' ? undefined : fields[START_TIME];
  } catch {
    return undefined;
  }
}

const PS_TIMEOUT_MS = 2_000;

function askPs(pid: number): string | undefined {
  try {
    const args = ['-o', 'stat=,lstart=', '-p', String(pid)];
    const [state = '', ...started] = execFileSync('ps', args, { encoding: 'utf8', timeout: PS_TIMEOUT_MS })
      .trim()
      .split(/\s+/);
    return state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended by itself
  }
}

/** To a process that leads a group, and all of that group. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): void => sendSignal(-pid, signal);

/** Processes that were started with this variable, as those are that have left their group; none where there is no /proc. */
export function findByVariable(name: string, value: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => readVariables(pid).includes(`${name}=${value}`));
}

function readVariables(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
