import type { Alias, Workload } from '../../sdk/index.ts';
import { aborted } from '../../sdk/retry.ts';
import { Ending } from '../ending.ts';
import type { Deploying, DeployPlan } from './deploying.ts';
import { endOld } from './end-old.ts';
import { launchNext } from './launch-next.ts';
import { moveAlias } from './move-alias.ts';
import { checkAffordable, priceText, quoteFor } from './price.ts';
import { prove } from './prove.ts';
import { settleModel } from './settle-model.ts';

/**
 * Carries a plan out. Until the name has moved, whatever goes wrong puts all back and the old instance goes on
 * serving; from then on the new one serves, and trouble with the old one is only said.
 */
export async function runDeploy(deploying: Deploying, plan: DeployPlan): Promise<Alias> {
  const { undo, note, signal } = deploying;
  let alias: Alias;
  try {
    alias = await replace(deploying, plan);
  } catch (error) {
    await undo.putBack(note);
    await tellWhereItLeads(deploying, plan);
    throw signal.aborted ? new Ending('aborted', 'Interrupted: nothing was deployed.') : error;
  }
  undo.forget();
  await endOld(deploying, plan);
  return alias;
}

async function replace(deploying: Deploying, plan: DeployPlan): Promise<Alias> {
  const { eco, signal, note } = deploying;
  const quote = await quoteFor(eco, plan.wish, signal);
  checkAffordable(quote);
  note(priceText(quote));
  await settleModel(deploying, plan);
  refuseAborted(signal); // what makes something is never cut short: nobody would know what it made
  const next: Workload = await launchNext(deploying, plan);
  refuseAborted(signal);
  await prove(deploying, plan, next);
  const alias = await moveAlias(deploying, plan, next);
  note(`"${alias.name}" leads to ${alias.ref}.`);
  return alias;
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal);
}

const TELL_TIMEOUT_MS = 5_000;

/** After a failure: what serves now. Silent where that cannot be told. */
async function tellWhereItLeads({ eco, note }: Deploying, { wish, previous }: DeployPlan): Promise<void> {
  if (!previous) return;
  const alias = await eco.aliases.get(wish.name, { timeoutMs: TELL_TIMEOUT_MS, maxRetries: 0 }).catch(() => undefined);
  if (alias) note(`"${alias.name}" leads to ${alias.ref}.`);
}
