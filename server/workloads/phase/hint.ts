import type { Reason } from '../../../sdk/contract/index.ts';

type Command = (id: number) => string;

const logs: Command = (id) => `eco logs ${id}`;
const events: Command = (id) => `eco events ${id}`;
const regions: Command = () => 'eco regions';

/** The commands that show more; for other reasons `eco help` tells what to do, or there is nothing to do. */
const SHOWING: Partial<Record<Reason, Command>> = {
  no_capacity: regions,
  no_such_gpu: regions,
  nodes_unavailable: regions,
  quota_exceeded: regions,
  region_unreachable: regions,
  loading_model: logs,
  replica_restarting: logs,
  crashed: logs,
  startup_timeout: logs,
  unresponsive: logs,
  oom_host: logs,
  bad_args: logs,
  sandbox_failed: events,
  evicted: events,
  preempted: events,
  node_lost: events,
  volume_unavailable: () => 'eco filesystems',
};

/** States that pass without anybody's help. */
const PASSING = new Set<Reason>(['scheduled', 'starting', 'ready', 'scaling', 'replicas_stopping']);

/** A command that helps; null where waiting is all there is. */
export function hintOf(reason: Reason, id: number): string | null {
  return SHOWING[reason]?.(id) ?? (PASSING.has(reason) ? null : `eco help ${reason}`);
}
