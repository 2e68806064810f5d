import { EcoError, formatMoney } from '../../../sdk/contract/index.ts';
import { adjustHold, findOpenHold, openHold, settleHold } from '../../billing/holds.ts';
import type { Db } from '../../db/open.ts';
import type { WorkloadRow } from '../../db/schema.ts';
import { rulesOf } from '../kinds.ts';
import { decodeMemory, encodeMemory, newMemory } from '../memory.ts';
import { holdOf, rateOf } from '../rate.ts';
import { withoutSecrets } from '../secrets-of.ts';
import { plural } from '../sentence.ts';
import { decodeSpec, encodeSpec, type WorkloadSpec } from '../spec.ts';
import { listLiveReplicas } from '../store.ts';
import { refOf } from '../view.ts';
import { checkRoom } from './capacity.ts';
import { type Change, refuseTerminated } from './change.ts';
import { type Room, readRoomLeft } from './room.ts';

/** Nothing of it is left in any region, and its money is settled. */
const isOver = (row: WorkloadRow) => row.next_at === null;

export function planStop(row: WorkloadRow, now: number): Change | undefined {
  refuseTerminated(row);
  if (row.desired === 'stopped') return undefined;
  return { columns: ended(row, 'stopped', now), action: 'stop', message: `${refOf(row)} was told to stop.` };
}

/** A second one finds it done. */
export function planTerminate(row: WorkloadRow, now: number): Change | undefined {
  if (row.desired === 'terminated') return undefined;
  const columns = { ...ended(row, 'terminated', now), ...(isOver(row) && withoutSecrets) };
  return { columns, action: 'terminate', message: `${refOf(row)} was told to end for good.` };
}

function ended(row: WorkloadRow, desired: 'stopped' | 'terminated', now: number): Change['columns'] {
  const ended_by = `${desired}_by_user` as const;
  const memory = encodeMemory({ ...decodeMemory(row.memory), ended_by });
  if (!isOver(row))
    return {
      desired,
      memory,
      state: 'stopping',
      reason: 'replicas_stopping',
      message: 'Its replicas are being told to stop.',
      hint: null,
      since: now,
    };
  const hint = desired === 'stopped' ? `eco resume ${row.id}` : null;
  const message = `${refOf(row)} was ${desired}.`;
  const ended_at = row.ended_at ?? now;
  return {
    desired,
    memory,
    state: desired,
    reason: ended_by,
    message,
    hint,
    since: now,
    ended_at,
    next_at: null,
    observed_generation: row.generation + 1,
  };
}

/** Starts again where it was launched, if there is room and money; what it still owes is settled first. */
export function planResume(room: Room): (row: WorkloadRow, now: number) => Change | undefined {
  return (row, now) => {
    refuseTerminated(row);
    if (row.desired === 'running' && row.state !== 'failed') return undefined;
    const spec = decodeSpec(row.spec);
    const { account_id, id: workload_id } = row;
    const of = { account_id, workload_id, now };
    const hours = rulesOf(row.kind).holdHours;
    return {
      columns: {
        desired: 'running',
        state: 'pending',
        reason: 'scheduled',
        message: `${refOf(row)} is being started.`,
        hint: null,
        since: now,
        ended_at: null,
        memory: encodeMemory(newMemory(now)),
      },
      action: 'resume',
      message: `${refOf(row)} was resumed; $${formatMoney(holdOf(spec, hours))} set aside for ${hours} hours.`,
      async within(trx) {
        const own = await listLiveReplicas(trx, [workload_id]);
        const missing = (region: string) => spec.replicas - own.filter((replica) => replica.region === region).length;
        checkRoom(await readRoomLeft(trx, room), needOf(spec, missing));
        await settleHold(trx, { ...of, description: `GPU time of ${refOf(row)}` });
        await openHold(trx, {
          ...of,
          amount_nanos: holdOf(spec, hours),
          description: `Hold for ${refOf(row)}, ${hours} hours`,
        });
      },
    };
  };
}

/** More replicas need room and money for the time that the hold still covers; fewer give nothing back before it is settled. */
export function planScale(room: Room, replicas: number): (row: WorkloadRow, now: number) => Change | undefined {
  return (row, now) => {
    refuseTerminated(row);
    const spec = decodeSpec(row.spec);
    if (spec.replicas === replicas) return undefined;
    const scaled = { ...spec, replicas };
    const more = replicas - spec.replicas;
    const where = spec.placements.map(({ region }) => region).join(', ');
    const change = {
      columns: {
        spec: encodeSpec(scaled),
        ...(isOver(row) && { next_at: null, observed_generation: row.generation + 1 }),
      },
      action: 'scale',
      message: `${refOf(row)} was scaled from ${spec.replicas} to ${plural(replicas, 'replica')} in ${where}.`,
      detail: { from: spec.replicas, to: replicas },
    };
    if (more < 0 || row.desired !== 'running' || row.state === 'failed') return change;
    return { ...change, within: (trx) => growHold(trx, { row, scaled, more, now, room }) };
  };
}

interface Growth {
  row: WorkloadRow;
  scaled: WorkloadSpec;
  more: number;
  now: number;
  room: Room;
}

const HOUR_MS = 3_600_000n;

async function growHold(trx: Db, { row, scaled, more, now, room }: Growth): Promise<void> {
  checkRoom(
    await readRoomLeft(trx, room),
    needOf(scaled, () => more),
  );
  const hold = await findOpenHold(trx, row.id);
  if (!hold) return;
  const added = rateOf({ ...scaled, replicas: more });
  const left =
    hold.covers_until === null
      ? BigInt(rulesOf(row.kind).holdHours) * HOUR_MS
      : BigInt(Math.max(0, hold.covers_until - now));
  const amount_nanos = hold.amount_nanos + (added * left + HOUR_MS - 1n) / HOUR_MS;
  await adjustHold(trx, {
    account_id: row.account_id,
    workload_id: row.id,
    now,
    amount_nanos,
    description: `Hold for ${more} more replicas in each region of ${refOf(row)}`,
  });
}

const needOf = ({ placements, gpu }: WorkloadSpec, replicasIn: (region: string) => number) =>
  placements.map(({ region }) => ({ region, ...gpu, replicas: replicasIn(region) }));

/** Throws `not_supported` for kinds whose hold needs no extending. */
export function refuseExtend({ kind }: WorkloadRow): void {
  const reason = rulesOf(kind).notExtendable;
  if (reason !== undefined)
    throw new EcoError('not_supported', reason, { param: 'workload', hint: 'eco billing balance' });
}
