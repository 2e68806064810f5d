import { EcoError, type PlatformModel } from '../../sdk/contract/index.ts';
import type { WorkloadRow } from '../db/schema.ts';
import { decodeSpec } from '../workloads/spec.ts';
import { refOf } from '../workloads/view.ts';
import type { NamedAlias } from './store.ts';

const SERVING: readonly string[] = ['running', 'degraded'];
const ENDED: readonly string[] = ['stopping', 'stopped', 'failed', 'terminated'];

/** Throws unless requests can be sent to the instance now: `not_supported` for what never can be, `conflict` for its state. */
export function checkServes(row: WorkloadRow): void {
  const ref = refOf(row);
  if (row.kind !== 'inference_instance')
    throw new EcoError('not_supported', `${ref} is a ${row.kind.replace('_', ' ')}: an alias leads to an instance.`, {
      param: 'workload',
      hint: 'eco instances list',
    });
  if (decodeSpec(row.spec).custom_api_path !== null)
    throw new EcoError('not_supported', `${ref} has an API of its own: no request names it as its model.`, {
      param: 'workload',
      hint: 'eco instances list',
    });
  if (SERVING.includes(row.state) && row.desired === 'running') return;
  throw new EcoError('conflict', `${ref} is ${row.state}, and an alias leads to what runs. ${row.message}`, {
    param: 'workload',
    hint: ENDED.includes(row.state) ? (row.hint ?? 'eco instances list') : `eco wait ${row.id}`,
  });
}

/** Throws `conflict` unless the alias leads where the caller thinks; null is nowhere, undefined anywhere. */
export function checkExpected(
  name: string,
  current: NamedAlias | undefined,
  expected: number | null | undefined,
): void {
  const leadsTo = current?.workload_id ?? null;
  if (expected === undefined || expected === leadsTo) return;
  const now = current ? `leads to ${current.workload_name}:${current.workload_id}` : 'leads nowhere';
  const thought = expected === null ? 'nowhere' : `to ${expected}`;
  throw new EcoError('conflict', `Alias "${name}" ${now} now, not ${thought} as expected.`, {
    param: 'expected_workload_id',
    hint: current ? `eco aliases show ${name}` : 'eco aliases list',
  });
}

/** Throws `conflict` for a name that a platform model answers to: that one would be called. */
export function checkFree(name: string, platform: readonly Pick<PlatformModel, 'id' | 'aliases'>[]): void {
  const taken = platform.find(({ id, aliases }) => [id, ...aliases].some((each) => each.toLowerCase() === name));
  if (taken)
    throw new EcoError('conflict', `"${name}" is the name of the platform model ${taken.id}. Choose another.`, {
      param: 'alias',
      hint: 'eco catalog',
    });
}
