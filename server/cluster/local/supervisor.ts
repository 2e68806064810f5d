// Owns one process of a replica: its pipes, its log, its exit code. Outlives the server; started with folder and run.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { LogFile } from './log-file.ts';
import { findByVariable, findStartTime, sendSignal, signalGroup } from './process.ts';
import { claimRun, type Exit, type Launch, launchFile, type Run, writeRun } from './run-file.ts';

/** After the process itself has ended, how long others may hold its pipes. */
const OUTPUT_END_MS = 1_000;
/** The lease must be found old so often in a row: after a sleep of the machine the server needs a moment. */
const LEASE_MISSES = 2;
const LEASE_CHECKS_PER_LOSS = 6;

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
process.on('exit', () => stop(0)); // whatever ends this one: nothing runs without a supervisor
if (claimRun(folder, run, state)) supervise();

function supervise(): void {
  const log = new LogFile(folder, run);
  const started = start(log);
  if (!started) return;
  child = started;
  started.stdout.on('data', (bytes) => log.write('stdout', bytes));
  started.stderr.on('data', (bytes) => log.write('stderr', bytes));
  started.once('error', (error) => finish(log, { code: null, signal: null, error: error.message }));
  started.once('exit', (code, signal) => {
    const at = Date.now();
    endRest(started.pid ?? 0);
    const end = () => finish(log, { at, code, signal });
    started.once('close', end);
    setTimeout(end, OUTPUT_END_MS);
  });
  if (started.pid === undefined) return;
  state.child = { ...identify(started.pid), started_at: Date.now() };
  writeRun(folder, run, state);
  setInterval(watchLease(), launch.lease_lost_ms / LEASE_CHECKS_PER_LOSS);
}

/** What it left behind ends with it, also what has a group of its own, as daemons have: it may hold GPU memory. */
function endRest(pid: number): void {
  signalGroup(pid, 'SIGKILL');
  for (const rest of findByVariable('ECO_REPLICA', launch.env.ECO_REPLICA ?? '')) sendSignal(rest, 'SIGKILL');
}

/** Some refusals of the system come as events, others at once. The message of the latter may quote the environment. */
function start(log: LogFile) {
  const { argv, cwd, env } = launch;
  try {
    return spawn(argv[0], argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    finish(log, { code: null, signal: null, error: code });
    return undefined;
  }
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
  const last_line = log.last.stderr ?? log.last.stdout;
  state.exit = { at: Date.now(), error: null, ...how, is_lease_lost: isLeaseLost, last_line };
  writeRun(folder, run, state);
  process.exit(0);
}
