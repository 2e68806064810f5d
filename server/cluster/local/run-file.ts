import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from './process.ts';

/** What a supervisor is to do: written by the driver before each start, readable by its owner alone. */
export interface Launch {
  argv: [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
  grace_ms: number;
  lease_file: string;
  lease_lost_ms: number;
}

/** What a supervisor says of its process. */
export interface Run {
  /** Null: the driver has claimed the run, and no supervisor will ever start it. */
  supervisor: ProcessIdentity | null;
  child: (ProcessIdentity & { started_at: number }) | null;
  exit: Exit | null;
}

export interface Exit {
  at: number;
  code: number | null;
  signal: string | null;
  /** Why there was no process at all. */
  error: string | null;
  /** It was ended because no server had renewed the lease. */
  is_lease_lost: boolean;
  last_line: string | null;
}

export const launchFile = (folder: string) => join(folder, 'launch.json');
const runFile = (folder: string, run: number) => join(folder, `run-${run}.json`);

/** Whoever claims a run first has it, supervisor or driver: no process is ever started behind the driver's back. */
export function claimRun(folder: string, run: number, first: Run): boolean {
  const draft = join(folder, `.claim-${process.pid}`);
  writeFileSync(draft, JSON.stringify(first), { mode: 0o600 });
  try {
    linkSync(draft, runFile(folder, run));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

export const writeRun = (folder: string, run: number, state: Run): void => writeWhole(runFile(folder, run), state);

/** Undefined where nobody has claimed the run yet. */
export function readRun(folder: string, run: number): Run | undefined {
  try {
    return JSON.parse(readFileSync(runFile(folder, run), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return UNREADABLE;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Only a crash of the whole machine leaves half a file, and no process outlives that. */
const UNREADABLE: Run = { supervisor: null, child: null, exit: null };

/** Readers see the old text or the new one, never a part. */
export function writeWhole(path: string, value: unknown): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}
