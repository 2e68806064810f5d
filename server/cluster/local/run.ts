import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { environmentOf, fillIn, inherited } from './command.ts';
import { removeRun, saveState } from './folder.ts';
import { isAlive, signalGroup } from './process.ts';
import { supervisorProgram } from './program.ts';
import { claimRun, type Exit, type Launch, launchFile, type Run, readRun, writeWhole } from './run-file.ts';
import type { Kept, Slot } from './slot.ts';

export interface Lease {
  file: string;
  lostMs: number;
}

/** Starts the next process of a slot that has its GPUs and port, under a supervisor that outlives this server. */
export function launch(slot: Slot, { lease, log, now }: { lease: Lease; log: Log; now: number }): void {
  const { folder, spec, state } = slot;
  state.run++;
  state.launched_at = now;
  state.started_at ??= now;
  state.ready_at = null;
  state.trouble = null;
  saveState(slot);
  writeLaunch(slot, lease);
  removeRun(folder, state.run - 2);
  slot.run = undefined;
  slot.failures = 0;
  slot.unreadySince = null;
  slot.nextProbeAt = 0;
  slot.probed = undefined;
  const complaints = openSync(join(folder, 'supervisor.log'), 'a', 0o600);
  const supervisor = spawn(process.execPath, [supervisorProgram, folder, String(state.run)], {
    cwd: folder,
    env: inherited(),
    stdio: ['ignore', 'ignore', complaints],
    detached: true,
  });
  closeSync(complaints);
  supervisor.once('error', (err) => log.error({ err, replica: spec.id }, 'a supervisor cannot be started'));
  supervisor.unref();
}

/** The grace is read again when the process is told to stop. */
export function writeLaunch(slot: Kept, { file, lostMs }: Lease): void {
  const { spec, state } = slot;
  const env = environmentOf(slot);
  const launch: Launch = {
    argv: fillIn(spec.argv, env) as [string, ...string[]],
    cwd: spec.cwd,
    env,
    grace_ms: state.stop?.grace_ms ?? spec.grace_seconds * 1000,
    lease_file: file,
    lease_lost_ms: lostMs,
  };
  writeWhole(launchFile(slot.folder), launch);
}

/** How long a supervisor may take to say that it is there. */
const LAUNCH_TIMEOUT_MS = 10_000;

/** What a slot's newest process is up to: nothing at all, `starting`, running, or how it ended. */
export type Look = { type: 'none' | 'starting' } | { type: 'running'; run: Run } | { type: 'ended'; exit: Exit };

/** `lostAt` is when a process ended of which nobody can say it. */
export function lookAtRun({ folder, state }: Kept, now: number, lostAt = now): Look {
  if (state.run === 0 || state.launched_at === null) return { type: 'none' };
  const run = readRun(folder, state.run);
  if (!run) return now - state.launched_at > LAUNCH_TIMEOUT_MS ? abandon(folder, state.run, now) : { type: 'starting' };
  if (run.exit) return { type: 'ended', exit: run.exit };
  if (run.supervisor && isAlive(run.supervisor)) return { type: 'running', run };
  return lookAgain(folder, state.run, lostAt);
}

/** A supervisor writes its last word and is gone: what it wrote counts. One that was killed leaves its process to us. */
function lookAgain(folder: string, number: number, lostAt: number): Look {
  const run = readRun(folder, number);
  if (run?.exit) return { type: 'ended', exit: run.exit };
  if (run?.child && isAlive(run.child)) {
    signalGroup(run.child.pid, 'SIGKILL');
    return { type: 'running', run };
  }
  return { type: 'ended', exit: lost(lostAt, 'its supervisor was killed') };
}

/** From now on no supervisor can start it. One that was faster is seen at the next look. */
export function abandon(folder: string, run: number, now: number): Look {
  const never: Run = { supervisor: null, child: null, exit: lost(now, 'it was not started in time') };
  return claimRun(folder, run, never) && never.exit ? { type: 'ended', exit: never.exit } : { type: 'starting' };
}

const lost = (at: number, why: string): Exit => ({
  at,
  code: null,
  signal: null,
  error: null,
  is_lease_lost: false,
  last_line: why,
});
