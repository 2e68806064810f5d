import type { Alias, Model, Workload } from '../../sdk/index.ts';
import { UsageError } from '../usage-error.ts';
import { digest } from './fingerprint.ts';
import type { Wish } from './wish.ts';

/** What is there before a deploy. */
export interface Seen {
  model: Model | undefined;
  alias: Alias | undefined;
  /** What the alias leads to, and whatever else leads there. */
  old: Workload | undefined;
  otherAliases: readonly string[];
}

export type ModelStep = { type: 'register' } | { type: 'update'; before: Model } | { type: 'none' };
export type OldStep =
  | { type: 'terminate' | 'stop'; old: Workload }
  | { type: 'keep'; old: Workload; why: string }
  | { type: 'none' };

export type Plan =
  | { type: 'unchanged'; alias: Alias; model: string }
  | { type: 'deploy'; wish: Wish; model: ModelStep; previous: Workload | undefined; old: OldStep };

const SERVING: readonly string[] = ['running', 'degraded'];

/** Decides all steps of a deploy and does none. Throws for what it may not change. */
export function planDeploy(wish: Wish, seen: Seen, { force }: { force: boolean }): Plan {
  const { alias, old } = seen;
  const isServing = old !== undefined && SERVING.includes(old.state);
  if (!force && alias?.fingerprint === wish.fingerprint && isServing)
    return { type: 'unchanged', alias, model: wish.model.name };
  return { type: 'deploy', wish, model: planModel(wish, seen.model), previous: old, old: planOld(wish, seen) };
}

function planModel({ model }: Wish, before: Model | undefined): ModelStep {
  if (!before) return { type: 'register' };
  if (before.category !== model.category)
    throw new UsageError(
      `model.category: "${model.name}" is registered for ${before.category}, not ${model.category}, and that stays. Choose another model.name.`,
      { hint: `eco models show ${model.name}` },
    );
  const isSame = digest(before.source) === digest(model.source) && model.token === undefined;
  return isSame ? { type: 'none' } : { type: 'update', before };
}

function planOld({ on_success }: Wish, { old, otherAliases }: Seen): OldStep {
  if (!old || old.state === 'terminated') return { type: 'none' };
  if (on_success === 'keep') return { type: 'keep', old, why: 'as on_success says' };
  if (otherAliases.length > 0) return { type: 'keep', old, why: `${otherAliases.join(', ')} leads to it too` };
  return { type: on_success, old };
}
