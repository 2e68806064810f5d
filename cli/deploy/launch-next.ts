import { EcoError, type Workload } from '../../sdk/index.ts';
import type { Deploying, DeployPlan } from './deploying.ts';
import { digest } from './fingerprint.ts';
import { launchOnce } from './launch-once.ts';
import { unlessMissing } from './see.ts';

/** The next instance, just launched or by an earlier run of this deploy. Throws `no_capacity` and `insufficient_balance` with nothing left behind. */
export async function launchNext(deploying: Deploying, { wish, previous }: DeployPlan): Promise<Workload> {
  const { eco, undo, note, keepFailed } = deploying;
  const { name, fingerprint } = wish;
  const next = await launchOnce(eco, wish.launch, { name, fingerprint, previous: previous?.id ?? null });
  note(`Launched ${next.ref}.`);
  undo.push({
    command: `eco terminate ${next.id} --yes`,
    undo: async () => {
      const alias = await unlessMissing(eco.aliases.get(wish.name));
      if (alias?.workload_id === next.id) return `${next.ref} serves already: it stays.`;
      if (keepFailed) return `${next.ref} is kept. End it with: eco terminate ${next.id}`;
      await eco.workloads.terminate(next.id);
      return `${next.ref} was terminated.`;
    },
  });
  const { source } = await eco.models.get(wish.model.name);
  if (digest(source) === digest(wish.model.source)) return next;
  throw new EcoError('conflict', `The model "${wish.model.name}" was changed while this was deployed.`, {
    hint: `eco models show ${wish.model.name}`,
  });
}
