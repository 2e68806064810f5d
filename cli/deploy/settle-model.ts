import { EcoError, type Model } from '../../sdk/index.ts';
import { sourceArguments } from '../model-source.ts';
import { sourceText } from '../model-view.ts';
import type { Deploying, DeployPlan } from './deploying.ts';
import { digest } from './fingerprint.ts';

/** Registers the model or changes its source, where the plan says so. */
export async function settleModel(deploying: Deploying, plan: DeployPlan): Promise<void> {
  if (plan.model.type === 'register') await register(deploying, plan);
  if (plan.model.type === 'update') await update(deploying, plan, plan.model.before);
}

async function register({ eco, undo, note }: Deploying, { wish }: DeployPlan): Promise<void> {
  const { name } = wish.model;
  try {
    await eco.models.register(wish.model);
  } catch (error) {
    if (!(error instanceof EcoError && error.code === 'conflict')) throw error;
    if (digest((await eco.models.get(name)).source) !== digest(wish.model.source)) throw error;
    return; // the same deploy, running beside this one, was faster
  }
  note(`Registered the model ${name} (${sourceText(wish.model)}).`);
  undo.push({
    command: `eco models remove ${name}`,
    undo: async () => {
      await eco.models.remove(name);
      return `Removed the model ${name} again.`;
    },
  });
}

async function update({ eco, undo, note }: Deploying, { wish }: DeployPlan, before: Model): Promise<void> {
  const { name, source, token } = wish.model;
  await eco.models.update(before.id, { source, token });
  note(`The model ${name} is ${sourceText(wish.model)} from now on.`);
  undo.push({
    command: `eco models update ${name} ${sourceArguments(before.source)}`,
    undo: async () => {
      const now = await eco.models.get(before.id);
      if (digest(now.source) !== digest(source)) return `Somebody else has changed the model ${name}: it stays so.`;
      await eco.models.update(before.id, { source: before.source });
      return `The model ${name} is ${sourceText(before)} again.`;
    },
  });
}
