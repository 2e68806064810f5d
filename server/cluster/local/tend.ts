import { existsSync, rmSync } from 'node:fs';
import type { Log } from '../../log.ts';
import { BACK_OFF_MAX_MS, backOffMs, RAN_WELL_MS } from './back-off.ts';
import { exitCodeOf, verdictOf } from './evidence.ts';
import { saveState } from './folder.ts';
import { probe } from './probe.ts';
import { isAlive, sendSignal, signalGroup } from './process.ts';
import { abandon, type Lease, launch, lookAtRun, writeLaunch } from './run.ts';
import { type Exit, launchFile, type Run } from './run-file.ts';
import type { Slot, Verdict } from './slot.ts';

export interface Tending {
  lease: Lease;
  log: Log;
  clock: () => number;
  /** How long a replica that was ready may stay unready before it is started again. */
  unresponsiveMaxMs: number;
  /** A port that its process may listen on, or why there is none; undefined: wait. */
  assignPort(slot: Slot): Promise<number | string | undefined>;
}

const RESTARTS_KEPT = 10;

/** One step of one slot that has not ended: sees what became of its process, then does what is due. */
export async function tend(slot: Slot, tending: Tending): Promise<void> {
  const now = tending.clock();
  if (!existsSync(slot.folder)) return lose(slot, now);
  const look = lookAtRun(slot, now);
  slot.run = look.type === 'running' ? look.run : undefined;
  if (look.type !== 'running') slot.isReady = false;

  if (look.type === 'ended') noteExit(slot, look.exit);
  else if (look.type === 'starting' && slot.state.stop) abandon(slot.folder, slot.state.run, now);
  else if (look.type === 'running' && slot.state.stop) pursueStop(slot, look.run, tending);
  else if (look.type === 'running') watch(slot, look.run, tending);
  else if (look.type === 'none' && slot.state.stop) end(slot, now);
  else if (look.type === 'none') await start(slot, tending);
}

/** The process has ended. A slot that was told to stop has ended with it; any other starts it again. */
function noteExit(slot: Slot, exit: Exit): void {
  const { state } = slot;
  state.exit_code = exitCodeOf(exit);
  state.launched_at = null; // seen
  slot.run = undefined;
  if (state.stop || exit.is_lease_lost) {
    state.trouble ??= verdictOf(exit);
    end(slot, exit.at);
    return;
  }
  state.trouble = ours(state.trouble) ?? verdictOf(exit);
  const ranWell = state.ready_at !== null && exit.at - state.ready_at >= RAN_WELL_MS;
  state.crashes = ranWell ? 1 : state.crashes + 1;
  state.restarts++;
  state.restarted_at = [...state.restarted_at, exit.at].slice(-RESTARTS_KEPT);
  state.next_start_at = exit.at + backOffMs(state.crashes);
  state.ready_at = null;
  saveState(slot);
}

/** Why this driver ended the process, where it did. */
const ours = (trouble: Verdict | null): Verdict | undefined =>
  trouble?.reason === 'startup_timeout' || trouble?.reason === 'unresponsive' ? trouble : undefined;

/** Confirmed: nothing of it runs any more. */
export function end(slot: Slot, at: number): void {
  slot.state.ended_at = Math.max(at, slot.state.started_at ?? 0);
  slot.isReady = false;
  slot.run = undefined;
  saveState(slot);
  rmSync(launchFile(slot.folder), { force: true }); // it holds secrets
}

/** Somebody has removed its folder: there is nothing left to look after it with, so it ends, and its process first. */
function lose(slot: Slot, now: number): void {
  const { state, run } = slot;
  slot.isReady = false;
  if (run?.child && isAlive(run.child)) signalGroup(run.child.pid, 'SIGKILL');
  else {
    state.trouble = { reason: 'crashed', message: 'Its folder was removed by somebody.' };
    state.ended_at = now;
    slot.run = undefined;
  }
}

/** Tells a slot to stop; told again it may only become faster. */
export function tellToStop(slot: Slot, why: Verdict, { at, grace_ms, notice_ms }: Notice): void {
  const { state } = slot;
  const notice = slot.isReady ? notice_ms : 0; // nobody sends requests to what is not ready
  state.stop = { at, ...why, ...state.stop, notice_ms: notice, grace_ms, told: false };
  saveState(slot);
}

export interface Notice {
  at: number;
  grace_ms: number;
  notice_ms: number;
}

async function start(slot: Slot, { lease, log, clock, assignPort }: Tending): Promise<void> {
  const { state } = slot;
  const waitMs = state.next_start_at - clock();
  if (state.gpus === null || (waitMs > 0 && waitMs <= BACK_OFF_MAX_MS)) return; // longer: the clock was set back
  const port = await assignPort(slot);
  if (port === undefined || state.stop) return; // told meanwhile
  if (typeof port === 'string') {
    state.trouble = { reason: 'bad_config', message: port };
    return saveState(slot);
  }
  state.port = port;
  launch(slot, { lease, log, now: clock() });
}

const PROBE_LOADING_MS = 200;
const PROBE_READY_MS = 2_000;
const FAILURES_MAX = 2;

/** Of a replica that was ready: it may be busy, and what it does may be worth more than a new start. */
export const UNRESPONSIVE_MAX_MS = 180_000;

/** Asks for health when it is due; a process that is not ready within its budget, or not any more, is started again. */
function watch(slot: Slot, { child }: Run, tending: Tending): void {
  const { spec, state } = slot;
  if (!child || state.port === null) return;
  const now = tending.clock();
  const unreadyMs = slot.unreadySince === null ? 0 : now - slot.unreadySince;
  if (state.ready_at === null && now - child.started_at > spec.startup_seconds * 1000)
    giveUp(slot, 'startup_timeout', `Not ready within ${spec.startup_seconds} s`);
  else if (unreadyMs > tending.unresponsiveMaxMs)
    giveUp(slot, 'unresponsive', `Was ready, then not for ${Math.round(unreadyMs / 1000)} s`);
  else if (!slot.probe && performance.now() >= slot.nextProbeAt) ask(slot, child.pid, tending);
}

function ask(slot: Slot, pid: number, { clock, log }: Tending): void {
  const { spec, state } = slot;
  slot.probe = probe(state.port ?? 0, spec.health_path)
    .then((problem) => {
      slot.nextProbeAt = performance.now() + (slot.isReady ? PROBE_READY_MS : PROBE_LOADING_MS);
      if (slot.run?.child?.pid === pid) noteProbe(slot, problem, clock());
    })
    .catch((err) => log.error({ err, replica: spec.id }, 'readiness cannot be noted'))
    .finally(() => {
      slot.probe = undefined;
    });
}

export function noteProbe(slot: Slot, problem: string | undefined, now: number): void {
  const { state } = slot;
  slot.probed = problem;
  slot.failures = problem === undefined ? 0 : slot.failures + 1;
  slot.isReady = problem === undefined || (slot.isReady && slot.failures < FAILURES_MAX);
  slot.unreadySince = slot.isReady || state.ready_at === null ? null : (slot.unreadySince ?? now);
  if (!slot.isReady || state.ready_at !== null) return;
  state.ready_at = now;
  state.trouble = null;
  saveState(slot);
}

function giveUp(slot: Slot, reason: Verdict['reason'], what: string): void {
  const { spec, state, run } = slot;
  if (state.trouble?.reason === reason || !run?.supervisor) return;
  state.trouble = { reason, message: `${what}: GET ${spec.health_path} ${slot.probed ?? 'had no answer'}.` };
  saveState(slot);
  sendSignal(run.supervisor.pid, 'SIGINT');
}

/** What a supervisor may take beyond the grace before its process is killed past it. */
const KILL_MARGIN_MS = 5_000;

/** After the notice SIGTERM, after the grace SIGKILL: both by the supervisor, so that they come even if this server goes. */
function pursueStop(slot: Slot, run: Run, { lease, clock }: Tending): void {
  const { state } = slot;
  if (!state.stop || !run.supervisor) return;
  const { at, notice_ms, grace_ms } = state.stop;
  const elapsedMs = clock() - at;
  if (elapsedMs < 0) state.stop.at = clock(); // it was set back
  if (elapsedMs < notice_ms) return;
  if (!state.stop.told) {
    writeLaunch(slot, lease);
    sendSignal(run.supervisor.pid, grace_ms > 0 ? 'SIGTERM' : 'SIGINT');
    state.stop.told = true;
    saveState(slot);
  }
  if (elapsedMs > notice_ms + grace_ms + KILL_MARGIN_MS && run.child) signalGroup(run.child.pid, 'SIGKILL');
}
