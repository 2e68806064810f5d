// Owns one process of a replica: its pipes, its log, its exit code. Outlives the server; started with folder and run.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { LogFile } from './log-file.ts';
import { findStartTime, signalGroup } from './process.ts';
import { claimRun, type Exit, type Launch, launchFile, type Run, writeRun } from './run-file.ts';

/** After the process itself has ended, how long others may hold its pipes. */
const OUTPUT_END_MS = 1_000;
/** The lease must be found old so often in a row: after a sleep of the machine the server needs a moment. */
const LEASE_MISSES = 2;
const LEASE_CHECKS_PER_LOSS = 6;
const LAST_LINE_MAX_CHARS = 500;

const [folder = '', number = '0'] = process.argv.slice(2);
const run = Number(number);
const readLaunch = (): Launch => JSON.parse(readFileSync(launchFile(folder), 'utf8'));
const launch = readLaunch();
const state: Run = { supervisor: identify(process.pid), child: null, exit: null };
let child: ChildProcess | undefined;
let isLeaseLost = false;

process.on('SIGTERM', () => stop(readGrace()));
process.on('SIGINT', () => stop(0));
process.on('SIGHUP', () => {});
if (claimRun(folder, run, state)) supervise();

function supervise(): void {
  const log = new LogFile(folder, run);
  const started = spawn(launch.argv[0], launch.argv.slice(1), {
    cwd: launch.cwd,
    env: launch.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child = started;
  started.stdout.on('data', (bytes) => log.write('stdout', bytes));
  started.stderr.on('data', (bytes) => log.write('stderr', bytes));
  started.once('error', (error) => finish(log, { code: null, signal: null, error: error.message }));
  started.once('exit', (code, signal) => {
    const at = Date.now();
    signalGroup(started.pid ?? 0, 'SIGKILL'); // what it left behind ends with it
    const end = () => finish(log, { at, code, signal });
    started.once('close', end);
    setTimeout(end, OUTPUT_END_MS);
  });
  if (started.pid === undefined) return;
  state.child = { ...identify(started.pid), started_at: Date.now() };
  writeRun(folder, run, state);
  setInterval(watchLease(), launch.lease_lost_ms / LEASE_CHECKS_PER_LOSS);
}

/** A process that ended already has start time "": nobody will take another one for it. */
function identify(pid: number) {
  return { pid, start_time: findStartTime(pid) ?? '' };
}

/** As it is now: whoever says stop may have made it shorter. */
function readGrace(): number {
  try {
    return readLaunch().grace_ms;
  } catch {
    return launch.grace_ms;
  }
}

function stop(graceMs: number): void {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const { pid } = child;
  signalGroup(pid, graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
}

function watchLease(): () => void {
  let misses = 0;
  return () => {
    misses = leaseAge() > launch.lease_lost_ms ? misses + 1 : 0;
    if (misses < LEASE_MISSES || isLeaseLost) return;
    isLeaseLost = true;
    stop(launch.grace_ms);
  };
}

function leaseAge(): number {
  try {
    return Date.now() - statSync(launch.lease_file).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function finish(log: LogFile, how: Pick<Exit, 'code' | 'signal'> & Partial<Exit>): void {
  log.end();
  const last_line = (log.last.stderr ?? log.last.stdout)?.slice(0, LAST_LINE_MAX_CHARS) ?? null;
  state.exit = { at: Date.now(), error: null, ...how, is_lease_lost: isLeaseLost, last_line };
  writeRun(folder, run, state);
  process.exit(0);
}
