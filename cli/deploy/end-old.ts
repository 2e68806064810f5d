import { sleep } from '../../sdk/retry.ts';
import { listAliases } from '../aliases.ts';
import { Ending } from '../ending.ts';
import type { Deploying, DeployPlan } from './deploying.ts';

/** Lets the old instance finish what it has begun, then ends it. The deploy is done: trouble is said, not thrown. */
export async function endOld(deploying: Deploying, { old: step, wish }: DeployPlan): Promise<void> {
  const { eco, note, signal } = deploying;
  if (step.type === 'none') return;
  const { type, old } = step;
  if (type === 'keep') return note(`${old.ref} is kept (${step.why}).`);
  note(`${old.ref} goes on for ${wish.drainMs / 1000} s.`);
  const command = `eco ${type} ${old.id}${type === 'terminate' ? ' --yes' : ''}`;
  await sleep(wish.drainMs, signal).catch(() => {
    throw new Ending('aborted', `Interrupted after the deploy: ${old.ref} still runs.`, `End it with: ${command}`);
  });
  try {
    const leading = (await listAliases(eco)).find(({ workload_id }) => workload_id === old.id);
    if (leading) return note(`${old.ref} is kept: "${leading.name}" leads to it.`);
    await eco.workloads[type](old.id);
    note(`${old.ref} was told to ${type === 'stop' ? 'stop' : 'end'}.`);
  } catch (error) {
    note(`Warning: ${old.ref} still runs (${error instanceof Error ? error.message : error}). End it with: ${command}`);
  }
}
