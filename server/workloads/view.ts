import {
  formatMoney,
  type Reason,
  type Replica,
  type ReplicaState,
  type Workload,
  type WorkloadEvent,
  type WorkloadKind,
  type WorkloadState,
} from '../../sdk/contract/index.ts';
import type { Db } from '../db/open.ts';
import type { EventRow, HoldRow, ReplicaRow, WorkloadRow } from '../db/schema.ts';
import { rateOf } from './rate.ts';
import { decodeSpec } from './spec.ts';
import { listLiveReplicas, listOpenHolds } from './store.ts';

/** What a request writes as `model`. */
export const refOf = ({ name, id }: Pick<WorkloadRow, 'name' | 'id'>): string => `${name}:${id}`;

/** Rows as the API shows them, in their order: two queries however many there are. */
export async function readViews(db: Db, rows: readonly WorkloadRow[]): Promise<Workload[]> {
  const ids = rows.map(({ id }) => id);
  const replicas = Map.groupBy(await listLiveReplicas(db, ids), ({ workload_id }) => workload_id);
  const holds = new Map((await listOpenHolds(db, ids)).map((hold) => [hold.workload_id, hold]));
  return rows.map((row) => workloadView(row, { replicas: replicas.get(row.id) ?? [], hold: holds.get(row.id) }));
}

export async function readView(db: Db, row: WorkloadRow): Promise<Workload> {
  const [view] = await readViews(db, [row]);
  if (!view) throw new Error('one row has one view');
  return view;
}

interface Parts {
  /** Those that are not gone. */
  replicas: readonly ReplicaRow[];
  hold: HoldRow | undefined;
}

export function workloadView(row: WorkloadRow, { replicas, hold }: Parts): Workload {
  const spec = decodeSpec(row.spec);
  const ready = replicas.filter(({ state }) => state === 'ready');
  return {
    object: 'workload',
    id: row.id,
    kind: row.kind as WorkloadKind,
    name: row.name,
    ref: refOf(row),
    state: row.state as WorkloadState,
    reason: row.reason as Reason,
    message: row.message,
    hint: row.hint,
    since: row.since,
    model: row.model_id === null ? null : row.name,
    category: row.category,
    image: spec.image,
    engine: spec.engine,
    command: spec.command,
    args: spec.args,
    custom_api_path: spec.custom_api_path,
    gpu: spec.gpu,
    replicas_per_region: spec.replicas,
    regions: spec.placements.map(({ region }) => ({
      region,
      desired: row.desired === 'running' && row.state !== 'failed' ? spec.replicas : 0,
      ready: ready.filter((replica) => replica.region === region).length,
    })),
    rate_per_hour: formatMoney(rateOf(spec)),
    hold: formatMoney(hold?.amount_nanos ?? 0n),
    hold_until: hold?.covers_until ?? null,
    generation: row.generation,
    observed_generation: row.observed_generation,
    revision: row.revision,
    created_at: row.created_at,
    started_at: row.started_at,
    ended_at: row.ended_at,
  };
}

export function replicaView({ changed_seq: _seq, ...row }: ReplicaRow): Replica {
  return { object: 'replica', ...row, state: row.state as ReplicaState, reason: row.reason as Reason };
}

export function eventView({ account_id: _account, ...row }: EventRow): WorkloadEvent {
  return { object: 'event', ...row, type: row.type === 'warning' ? 'warning' : 'normal' };
}
