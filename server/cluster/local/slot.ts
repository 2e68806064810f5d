import { z } from 'zod';
import { reasons } from '../../../sdk/contract/index.ts';
import type { Run } from './run-file.ts';

const Reason = z.enum(reasons);
const Verdict = z.object({ reason: Reason, message: z.string() });

/** `spec.json`: what a slot is for. Holds secrets until it has ended; readable by its owner alone. */
export const SlotSpec = z.object({
  id: z.string(),
  installation: z.string(),
  region: z.string(),
  workload_id: z.int(),
  uid: z.string(),
  name: z.string(),
  generation: z.int(),
  /** Of all that a running process cannot take over. */
  hash: z.string(),
  argv: z.array(z.string()),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
  secrets: z.record(z.string(), z.string()),
  gpu: z.object({ type: z.string(), count: z.int() }),
  /** As the deployment demands; null: any free one. */
  port: z.int().nullable(),
  health_path: z.string(),
  startup_seconds: z.int(),
  grace_seconds: z.int(),
  created_at: z.int(),
});
export type SlotSpec = z.output<typeof SlotSpec>;

/** `state.json`: what the driver has decided and seen, so that the next server's driver goes on from there. */
export const SlotState = z.object({
  /** The GPUs it holds, as its process is told. */
  gpus: z.array(z.coerce.string()).nullable(),
  port: z.int().nullable(),
  /** Counts its processes; 0 before the first. */
  run: z.int(),
  launched_at: z.int().nullable(),
  started_at: z.int().nullable(),
  ready_at: z.int().nullable(),
  restarts: z.int(),
  restarted_at: z.array(z.int()),
  /** Crashes since it last ran well. */
  crashes: z.int(),
  next_start_at: z.int(),
  /** Why it cannot start, or why its last process ended; null while all is well. */
  trouble: Verdict.nullable(),
  stop: Verdict.extend({ at: z.int(), notice_ms: z.int(), grace_ms: z.int(), told: z.boolean() }).nullable(),
  ended_at: z.int().nullable(),
  exit_code: z.int().nullable(),
});
export type SlotState = z.output<typeof SlotState>;
export type Verdict = z.output<typeof Verdict>;

export const newState = (): SlotState => ({
  gpus: null,
  port: null,
  run: 0,
  launched_at: null,
  started_at: null,
  ready_at: null,
  restarts: 0,
  restarted_at: [],
  crashes: 0,
  next_start_at: 0,
  trouble: null,
  stop: null,
  ended_at: null,
  exit_code: null,
});

/** What stands on disk of a slot. */
export type Kept = Pick<Slot, 'folder' | 'spec' | 'state'>;

/** Where one replica lives: its folder, what is written there, and what this driver sees of it now. */
export interface Slot {
  readonly folder: string;
  spec: SlotSpec;
  state: SlotState;
  /** Of the process that is starting or running; undefined while there is none. */
  run: Run | undefined;
  isReady: boolean;
  /** Probes in a row that failed. */
  failures: number;
  /** Unix milliseconds; null while it is ready, or has never been. */
  unreadySince: number | null;
  /** What the last probe met with. */
  probed: string | undefined;
  probe: Promise<void> | undefined;
  /** Monotonic milliseconds. */
  nextProbeAt: number;
}

export const openSlot = (folder: string, spec: SlotSpec, state: SlotState): Slot => ({
  folder,
  spec,
  state,
  run: undefined,
  isReady: false,
  failures: 0,
  unreadySince: null,
  probed: undefined,
  probe: undefined,
  nextProbeAt: 0,
});

export const isLive = ({ state }: Slot): boolean => state.ended_at === null;

/** After this time whoever follows its logs has read their end. */
const LOGS_READ_MS = 10_000;
export const hasLongEnded = ({ state }: Slot, now: number): boolean =>
  state.ended_at !== null && now - state.ended_at > LOGS_READ_MS;

export const isStaying = ({ state }: Slot): boolean => state.ended_at === null && state.stop === null;
