import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterDriver } from '../../cluster/driver.ts';
import type { Context } from '../../context.ts';
import { openCircuit } from '../../regions/circuit.ts';
import { listUnsettled } from '../store.ts';
import { type Claim, claimDue, claimOne, releaseLease } from './lease.ts';
import { runPass } from './pass.ts';
import { Slots } from './slots.ts';
import { startSweep } from './sweep.ts';

export interface Reconciler extends AsyncDisposable {
  /** Something changed about a workload: its next pass is due now. */
  nudge(workload_id: number): void;
  /** Hears from a region that was opened later. */
  follow(driver: ClusterDriver): void;
}

export type ReconcileContext = Pick<Context, 'db' | 'changes' | 'regions' | 'secrets' | 'log' | 'clock' | 'serverId'>;

const POLL_MS = 500;
const DEBOUNCE_MS = 100;
const BACK_OFF_MIN_MS = 1_000;
const BACK_OFF_MAX_MS = 60_000;
const DRAIN_MS = 15_000;
const FIRST_LOOK_MS = 5_000;
const FIRST_LOOK_POLL_MS = 10;

/**
 * The loop over workloads: claims rows that are due or nudged and gives each a pass, a few at a time. A pass that
 * throws is logged and tried again later; it never ends the loop.
 */
export async function startReconciler(context: ReconcileContext): Promise<Reconciler> {
  const { db, log, clock, serverId: owner, regions } = context;
  const passContext = { ...context, circuit: openCircuit(regions, clock) };
  const nudged = new Set<number>();
  const debounced = new Map<number, NodeJS.Timeout>();
  const failures = new Map<number, number>();
  let stopped = false;
  let looking: Promise<void> | undefined;
  let lookAgain = false;

  const wake = () => {
    if (stopped) return;
    lookAgain = true;
    looking ??= lookWhileAsked().finally(() => {
      looking = undefined;
      if (lookAgain) wake(); // asked for between the last look and now
    });
  };

  const slots = new Slots(wake);

  const lookWhileAsked = async () => {
    while (lookAgain && !stopped) {
      lookAgain = false;
      try {
        await startNudged();
        await startDue();
      } catch (err) {
        log.error({ err }, 'due workloads cannot be read');
      }
    }
  };

  const startNudged = async () => {
    for (const id of [...nudged]) {
      if (slots.free === 0) return;
      if (slots.has(id)) continue; // its pass looks again when it is done
      nudged.delete(id);
      const claim = await claimOne(db, id, { owner, now: clock() });
      if (claim) slots.take(id, pass(claim));
    }
  };

  const startDue = async () => {
    const limit = slots.free;
    if (limit === 0) return;
    for (const claim of await claimDue(db, { owner, now: clock(), limit })) slots.take(claim.id, pass(claim));
  };

  const pass = async (claim: Claim) => {
    const lease = { id: claim.id, token: claim.lease_token };
    try {
      const recorded = await runPass(passContext, claim);
      failures.delete(claim.id);
      if (recorded === 'stale') await releaseLease(db, lease);
    } catch (err) {
      const count = (failures.get(claim.id) ?? 0) + 1;
      failures.set(claim.id, count);
      const backOffMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MIN_MS * 2 ** (count - 1));
      log.error({ err, workload_id: claim.id, back_off_ms: backOffMs }, 'a pass over a workload failed');
      await releaseLease(db, lease, clock() + backOffMs).catch((err) =>
        log.error({ err }, 'a lease cannot be given back'),
      );
    }
  };

  const nudge = (id: number) => {
    nudged.add(id);
    wake();
  };

  const nudgeSoon = (id: number) => {
    if (stopped || debounced.has(id)) return;
    debounced.set(
      id,
      setTimeout(() => {
        debounced.delete(id);
        nudge(id);
      }, DEBOUNCE_MS),
    );
  };

  const unsubscribe: (() => void)[] = [];
  const follow = (driver: ClusterDriver) => void unsubscribe.push(driver.onChange(nudgeSoon));
  for (const driver of regions.values()) follow(driver);
  const poll = setInterval(wake, POLL_MS);
  const sweep = startSweep(context);
  for (const id of await listUnsettled(db)) nudge(id);
  await quiet(() => nudged.size === 0 && slots.isEmpty);

  return {
    nudge,
    follow,
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearInterval(poll);
      for (const end of unsubscribe) end();
      for (const timer of debounced.values()) clearTimeout(timer);
      await sweep[Symbol.asyncDispose]();
      await looking;
      await settledWithin(DRAIN_MS, slots.underWay());
    },
  };
}

/** A server that starts looks at all workloads before it serves: what the rows say of replicas may be long past. */
async function quiet(isQuiet: () => boolean): Promise<void> {
  const deadline = performance.now() + FIRST_LOOK_MS;
  while (!isQuiet() && performance.now() < deadline) await sleep(FIRST_LOOK_POLL_MS);
}

/** Waits for passes under way, not longer than a while: their leases end by themselves. */
async function settledWithin(timeoutMs: number, passes: Iterable<Promise<void>>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([Promise.allSettled(passes), late]);
  clearTimeout(timer);
}
