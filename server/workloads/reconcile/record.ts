import { formatMoney } from '../../../sdk/contract/index.ts';
import { adjustHold, findOpenHold, renewHold, settleHold, startHoldClock } from '../../billing/holds.ts';
import { closeInterval, openInterval } from '../../billing/intervals.ts';
import type { Notice } from '../../cluster/driver.ts';
import type { Context } from '../../context.ts';
import { nextChange } from '../../db/changes.ts';
import type { Db } from '../../db/open.ts';
import type { ReplicaRow, WorkloadRow } from '../../db/schema.ts';
import { phaseEvents, replicaEvents, SYSTEM } from '../events.ts';
import { rulesOf } from '../kinds.ts';
import { encodeMemory } from '../memory.ts';
import { MOVE_AFTER_MS } from '../phase/move.ts';
import type { Phase } from '../phase/seen.ts';
import { dearestHoldOf, holdOf } from '../rate.ts';
import { withoutSecrets } from '../secrets-of.ts';
import { encodeSpec, type WorkloadSpec } from '../spec.ts';
import { insertEvents, type NewEvent, saveReplica, updateWorkload } from '../store.ts';
import { refOf } from '../view.ts';
import type { Course } from './course.ts';
import { type Claim, freed, holdLease } from './lease.ts';
import { isFinal, type MoneyAction, planMoney, planNext } from './plan.ts';
import type { ReplicaChange } from './plan-replicas.ts';

export interface Pass {
  claim: Claim;
  spec: WorkloadSpec;
  phase: Phase;
  /** What this pass changes of the spec, and why. */
  course: Pick<Course, 'move' | 'isPlaced' | 'hasChanged'>;
  /** What regions told that is to become an event. */
  notices: readonly Notice[];
  /** Replicas as they stood before. */
  known: readonly ReplicaRow[];
  replicas: readonly ReplicaChange[];
  now: number;
}

/**
 * Writes what a pass found in one transaction: status, replicas, their GPU time, money, events; and gives the lease
 * back. A pass whose lease is lost, or after which something else was asked for, leaves no trace and is due again.
 */
export async function recordPass({ db, changes }: Pick<Context, 'db' | 'changes'>, pass: Pass): Promise<Recorded> {
  const recorded = await db.transaction().execute((trx) => record(trx, pass));
  if (recorded === 'visible') await changes.nudge('workloads', 'replicas', 'balances');
  return recorded;
}

/** `stale`: nothing was written, and the lease, where it is still ours, was not given back. */
export type Recorded = 'visible' | 'unseen' | 'stale';

async function record(trx: Db, pass: Pass): Promise<Recorded> {
  const { claim, phase, replicas, notices, now } = pass;
  if (!(await holdLease(trx, { ...claim, token: claim.lease_token }))) return 'stale';
  if (pass.course.isPlaced) await fitHold(trx, pass);
  const hold = await findOpenHold(trx, claim.id);
  const actions = planMoney(phase, { hold, rate_nanos: dearestHoldOf(pass.spec, 1), replicas: merged(pass), now });
  const status = statusOf(pass);
  const hasNews = replicas.length > 0 || notices.length > 0 || actions.length > 0 || pass.course.hasChanged;
  const isVisible = hasNews || differs(claim, status);
  const unseen = { ...freed, memory: encodeMemory(phase.memory) };
  if (!isVisible) {
    await updateWorkload(trx, claim.id, { ...unseen, next_at: planNext(phase, hold?.covers_until ?? null, now) });
    return 'unseen';
  }

  const changed_seq = await nextChange(trx, 'workloads');
  if (replicas.length > 0) await recordReplicas(trx, pass, await nextChange(trx, 'replicas'));
  const money: NewEvent[] = [];
  for (const action of actions) money.push(...(await moveMoney(trx, pass, action)));
  const events = [
    ...notices.map(({ type, reason, message }) => ({ type, reason, message, actor: SYSTEM })),
    ...replicas.flatMap(replicaEvents),
    ...moveEvents(pass.course),
    ...phaseEvents(claim, phase),
    ...money,
  ];
  await insertEvents(trx, claim, now, events);

  const covers_until = (await findOpenHold(trx, claim.id))?.covers_until ?? null;
  const next_at = planNext(phase, covers_until, now);
  const depleted = money.some(({ reason }) => reason === 'credit_depleted') ? depletedColumns(pass) : {};
  await updateWorkload(trx, claim.id, {
    ...unseen,
    ...status,
    ...(pass.course.hasChanged && { spec: encodeSpec(pass.spec) }),
    ...(status.state === 'terminated' && withoutSecrets),
    revision: claim.revision + 1,
    changed_seq,
    next_at,
    ...depleted,
  });
  return 'visible';
}

/** The hold covered the dearest regions it could come to run in; now those that it runs in, for the same time. */
async function fitHold(trx: Db, { claim, spec, now }: Pass): Promise<void> {
  const hold = await findOpenHold(trx, claim.id);
  const amount_nanos = holdOf(spec, rulesOf(claim.kind).holdHours);
  if (!hold || amount_nanos >= hold.amount_nanos) return;
  const of = { account_id: claim.account_id, workload_id: claim.id, now };
  const regions = spec.placements.map(({ region }) => region).join(', ');
  await adjustHold(trx, {
    ...of,
    amount_nanos,
    description: `Hold for ${refOf(claim)}, now that it runs in ${regions}`,
  });
}

const moveEvents = ({ move }: Pass['course']): NewEvent[] =>
  move
    ? [
        {
          type: 'warning',
          reason: 'moved',
          message: `${move.from} could not take it for ${MOVE_AFTER_MS / 1000} s: it is started in ${move.to} instead.`,
          actor: SYSTEM,
        },
      ]
    : [];

type Status = Pick<
  WorkloadRow,
  'state' | 'reason' | 'message' | 'hint' | 'since' | 'observed_generation' | 'started_at' | 'ended_at'
>;

function statusOf({ claim, phase: { state, reason, message, hint }, now }: Pass): Status {
  const since = claim.state === state && claim.reason === reason ? claim.since : now;
  const started_at = claim.started_at ?? (state === 'running' ? now : null);
  const ended_at = isFinal(state) ? (claim.ended_at ?? now) : null;
  return { state, reason, message, hint, since, observed_generation: claim.generation, started_at, ended_at };
}

const differs = (row: WorkloadRow, status: Status) =>
  (Object.keys(status) as (keyof Status)[]).some((column) => row[column] !== status[column]);

/** Replicas as they stand now. */
function merged({ known, replicas }: Pass): Omit<ReplicaRow, 'changed_seq'>[] {
  const changed = new Map(replicas.map(({ after }) => [after.id, after]));
  return [...known.filter(({ id }) => !changed.has(id)), ...changed.values()];
}

async function recordReplicas(trx: Db, { claim, spec, replicas }: Pass, changed_seq: number): Promise<void> {
  for (const { after } of replicas) {
    await saveReplica(trx, { ...after, changed_seq });
    if (after.started_at === null) continue;
    const price_nanos = spec.placements.find(({ region }) => region === after.region)?.price_nanos ?? 0n;
    await openInterval(trx, {
      replica_id: after.id,
      workload_id: claim.id,
      account_id: claim.account_id,
      region: after.region,
      gpu: spec.gpu.type,
      gpus: spec.gpu.count,
      price_nanos,
      started_at: after.started_at,
    });
    if (after.ended_at !== null) await closeInterval(trx, { replica_id: after.id, ended_at: after.ended_at });
  }
}

async function moveMoney(trx: Db, { claim, spec, now }: Pass, action: MoneyAction): Promise<NewEvent[]> {
  const of = { account_id: claim.account_id, workload_id: claim.id, now };
  switch (action.type) {
    case 'start_clock':
      await startHoldClock(trx, { workload_id: claim.id, covers_until: action.covers_until });
      return [];
    case 'settle': {
      const { used_nanos, released_nanos } = await settleHold(trx, {
        ...of,
        description: `GPU time of ${refOf(claim)}`,
      });
      if (used_nanos === 0n && released_nanos === 0n) return [];
      const message = `$${formatMoney(used_nanos)} of GPU time charged, $${formatMoney(released_nanos)} given back.`;
      return [{ type: 'normal', reason: 'settled', message, actor: SYSTEM }];
    }
    case 'renew': {
      const hours = rulesOf(claim.kind).holdHours;
      const outcome = await renewHold(trx, { ...of, full_nanos: holdOf(spec, hours) });
      return [RENEWALS[outcome]];
    }
  }
}

const RENEWALS: Record<Awaited<ReturnType<typeof renewHold>>, NewEvent> = {
  renewed: { type: 'normal', reason: 'hold_renewed', message: 'Its hold was renewed.', actor: SYSTEM },
  partial: {
    type: 'warning',
    reason: 'hold_partial',
    message: 'The balance is less than a full hold: it runs as long as that lasts.',
    actor: SYSTEM,
  },
  depleted: {
    type: 'warning',
    reason: 'credit_depleted',
    message: 'The balance is used up: it is being stopped.',
    actor: SYSTEM,
  },
};

/** Nothing is left to pay with: the loop itself asks it to stop. */
function depletedColumns({ claim, phase, now }: Pass): Partial<WorkloadRow> {
  return {
    desired: 'stopped',
    generation: claim.generation + 1,
    memory: encodeMemory({ ...phase.memory, ended_by: 'credit_depleted' }),
    state: 'stopping',
    reason: 'credit_depleted',
    message: 'The balance is used up; its replicas are being told to stop.',
    hint: 'eco billing balance',
    since: now,
    next_at: now,
  };
}
