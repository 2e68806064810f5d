import { sourceText } from '../model-view.ts';
import type { ModelStep, OldStep, Plan } from './plan.ts';
import type { Wish } from './wish.ts';

/** The steps in their order, a line each. */
export function planLines(plan: Plan): string[] {
  if (plan.type === 'unchanged') return [unchangedText(plan)];
  const { wish, model, previous, old } = plan;
  const from = previous ? `from ${previous.ref} ` : '';
  return [
    ...modelLines(wish, model),
    `launch a new instance of ${wish.model.name} and wait until it runs`,
    ...(wish.smoke ? [`make a smoke call: it must answer ${wish.smoke.status}`] : []),
    `lead "${wish.name}" ${from}to it`,
    ...oldLines(wish, old),
  ];
}

export const unchangedText = ({ alias }: Extract<Plan, { type: 'unchanged' }>): string =>
  `Nothing has changed since the last deploy: "${alias.name}" leads to ${alias.ref}. Values of secrets are not compared: --force launches anew.`;

function modelLines({ model }: Wish, step: ModelStep): string[] {
  if (step.type === 'none') return [];
  if (step.type === 'register') return [`register the model ${model.name} (${model.category}, ${sourceText(model)})`];
  const [before, after] = [sourceText(step.before), sourceText(model)];
  return [
    before === after
      ? `give the model ${model.name} its token`
      : `change the model ${model.name} from ${before} to ${after}`,
  ];
}

function oldLines({ drainMs }: Wish, step: OldStep): string[] {
  if (step.type === 'none') return [];
  if (step.type === 'keep') return [`keep ${step.old.ref} (${step.why})`];
  return [`${step.type} ${step.old.ref} after ${drainMs / 1000} s`];
}
