import type { WorkloadRow } from '../db/schema.ts';
import type { Phase } from './phase/seen.ts';
import type { ReplicaChange } from './reconcile/plan-replicas.ts';
import { sentence } from './sentence.ts';
import type { NewEvent } from './store.ts';

/** Who did what nobody asked for just now. */
export const SYSTEM = 'system';

const normal = (reason: string, message: string): NewEvent => ({ type: 'normal', reason, message, actor: SYSTEM });
const warning = (reason: string, message: string): NewEvent => ({ type: 'warning', reason, message, actor: SYSTEM });

const TROUBLE: ReadonlySet<Phase['reason']> = new Set([
  'no_capacity',
  'region_unreachable',
  'replica_restarting',
  'crashed',
  'startup_timeout',
  'bad_config',
  'unresponsive',
]);

/** One event when state or reason changed. */
export function phaseEvents({ state, reason }: WorkloadRow, next: Phase): NewEvent[] {
  if (state === next.state && reason === next.reason) return [];
  const isTrouble = next.state === 'failed' || TROUBLE.has(next.reason);
  return [(isTrouble ? warning : normal)(next.reason, next.message)];
}

/** What a person wants to read of a replica: it serves, it restarted, it is gone. */
export function replicaEvents({ before, after, lastEnd = after.message }: ReplicaChange): NewEvent[] {
  const { id, region, state, restarts, exit_code } = after;
  if (state === 'gone') return [goneEvent(after)];
  const events: NewEvent[] = [];
  if (restarts > (before?.restarts ?? 0)) {
    const code = exit_code === null ? '' : ` with exit code ${exit_code}`;
    events.push(
      warning('replica_restarting', sentence(`${id} in ${region} ended${code} and is being restarted. ${lastEnd}`)),
    );
  }
  if (state === 'ready' && before?.state !== 'ready')
    events.push(normal('replica_ready', `${id} in ${region} is ready.`));
  return events;
}

/** Why it is gone is news where nobody told it to go. */
const goneEvent = ({ id, region, reason, message }: ReplicaChange['after']): NewEvent =>
  DISRUPTIONS.has(reason)
    ? warning(reason, sentence(`${id} in ${region} is gone. ${message}`))
    : normal('replica_gone', `${id} in ${region} is gone.`);

const DISRUPTIONS = new Set(['evicted', 'preempted', 'node_lost']);
