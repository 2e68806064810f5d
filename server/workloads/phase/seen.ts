import type { Reason, WorkloadState } from '../../../sdk/contract/index.ts';
import type { Memory } from '../memory.ts';

/** What a pass knows of one replica: from evidence or, where its region cannot be asked, from its last row. */
export interface Seen {
  id: string;
  state: string;
  reason: string;
  message: string;
  is_hopeless?: boolean;
  /** Stands for what the region has not made, or refuses to make. */
  is_placeholder?: boolean;
  restarts: number;
  restarted_at: readonly number[];
  started_at: number | null;
  ended_at: number | null;
}

/** One region of a workload as this pass saw it. */
export interface RegionSeen {
  region: string;
  /** Why it cannot be asked; its replicas are then the last known ones, never "gone". */
  unreachable: string | null;
  replicas: readonly Seen[];
}

export interface Subject {
  id: number;
  ref: string;
  desired: string;
  state: string;
  /** In each region. */
  replicas: number;
  gpu: { type: string; count: number };
  startup_seconds: number;
  /** It may still go to another region. */
  mayMove: boolean;
  memory: Memory;
}

export interface Phase {
  state: WorkloadState;
  reason: Reason;
  message: string;
  hint: string | null;
  memory: Memory;
  /** When waiting longer becomes a failure. */
  deadline: number | null;
  /** Every region has confirmed that no replica is left. */
  gone: boolean;
}

/** Replicas that hold or may hold GPUs. */
export const live = ({ replicas }: RegionSeen): Seen[] => replicas.filter((replica) => replica.state !== 'gone');

export const ready = ({ replicas }: RegionSeen): number => replicas.filter(({ state }) => state === 'ready').length;

/** What its region says of a replica, with its name. */
export const tell = ({ id, message }: Seen): string => (message.includes(id) ? message : `${id}: ${message}`);
