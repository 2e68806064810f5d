import { type Alias, EcoError, type Workload } from '../../sdk/index.ts';
import type { Deploying, DeployPlan } from './deploying.ts';

/** Leads the name to the new instance, unless somebody else has led it elsewhere since the plan was made. */
export async function moveAlias({ eco }: Deploying, plan: DeployPlan, { id }: Workload): Promise<Alias> {
  const { wish, previous } = plan;
  const { name, fingerprint } = wish;
  try {
    return await eco.aliases.set(name, id, { expected_workload_id: previous?.id ?? null, fingerprint });
  } catch (error) {
    if (!(error instanceof EcoError && error.param === 'expected_workload_id')) throw error;
    const now = await eco.aliases.get(name);
    if (now.workload_id === id) return now; // the answer was lost, or the same deploy ran twice
    throw new EcoError('conflict', `Another deploy was faster: "${name}" leads to ${now.ref} now.`, {
      hint: `eco aliases show ${name}`,
      cause: error,
    });
  }
}
