import { type Eco, EcoError } from '../../sdk/index.ts';
import { listAliases } from '../aliases.ts';
import type { Seen } from './plan.ts';
import type { Wish } from './wish.ts';

/** Reads what a deploy has to know of what is there. */
export async function see(eco: Eco, { name, model }: Wish, signal: AbortSignal): Promise<Seen> {
  const [registered, aliases] = await Promise.all([
    unlessMissing(eco.models.get(model.name, { signal })),
    listAliases(eco, signal),
  ]);
  const alias = aliases.find((each) => each.name === name);
  const others = aliases.filter((each) => each !== alias && each.workload_id === alias?.workload_id);
  return {
    model: registered,
    alias,
    old: alias && (await eco.workloads.get(alias.workload_id, { signal })),
    otherAliases: others.map((each) => each.name),
  };
}

/** What is asked for, or undefined where there is none. */
export async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof EcoError && error.code === 'not_found') return undefined;
    throw error;
  }
}
