import { EcoError, type Prices } from '../../sdk/contract/index.ts';
import { endpointOf, type HotRoute } from './hot-routes.ts';
import type { Instance, PlatformEntry, Tables } from './tables.ts';

/** The model that a request names, whoever runs it. */
export interface Target {
  /** As usage and allow-lists know it: the catalogue id, or `name:id`. */
  model: string;
  /** The platform model or own instance whose replicas serve it. */
  source: PlatformEntry | Instance;
  workload_id: number | null;
  /** Null: an own instance, paid by its hold. */
  prices: Prices | null;
}

const NAME_CHARS_MAX = 300;
const READY_STATES: readonly string[] = ['running', 'degraded'];

/** Who is meant by `model`. Throws `model_not_found`, `forbidden`, or `wrong_endpoint`. */
export async function resolveModel(
  tables: Tables,
  { name, account_id, route }: { name: string; account_id: string; route: HotRoute },
): Promise<Target> {
  let target = name.length > NAME_CHARS_MAX ? undefined : findTarget(tables, name, account_id);
  if (!target && name.length <= NAME_CHARS_MAX) {
    await tables.refresh(); // another server may have made it a moment ago
    target = findTarget(tables, name, account_id);
  }
  if (!target)
    throw new EcoError('model_not_found', `No model "${name.slice(0, NAME_CHARS_MAX)}" is known here.`, {
      param: 'model',
      hint: 'eco catalog',
    });
  checkEndpoint(target, route);
  return target;
}

function findTarget(tables: Tables, name: string, account_id: string): Target | undefined {
  const platform = tables.findPlatform(name);
  if (platform) return { model: platform.entry.id, source: platform, workload_id: null, prices: platform.prices };
  const colon = name.lastIndexOf(':');
  const id = name.slice(colon + 1);
  if (colon < 1 || !/^[1-9]\d{0,14}$/.test(id)) return undefined;
  const instance = tables.findInstance(Number(id));
  if (!instance || instance.name !== name.slice(0, colon)) return undefined;
  if (instance.account_id !== account_id)
    throw new EcoError('forbidden', `The instance "${name}" belongs to another account.`, { param: 'model' });
  return { model: name, source: instance, workload_id: instance.id, prices: null };
}

function checkEndpoint({ model, source }: Target, { path, categories }: HotRoute): void {
  if ('customApiPath' in source) checkInstance(source, model);
  const category = 'entry' in source ? source.entry.category : source.category;
  if (category === null || categories.includes(category)) return;
  throw new EcoError(
    'wrong_endpoint',
    `"${model}" is a model for ${category}: call ${endpointOf[category] ?? 'its own endpoint'}, not ${path}.`,
    { param: 'model' },
  );
}

function checkInstance({ id, kind, customApiPath }: Instance, model: string): void {
  if (kind !== 'inference_instance')
    throw new EcoError('model_not_found', `"${model}" is a ${kind.replace('_', ' ')} and answers no inference calls.`, {
      param: 'model',
      hint: `eco ps`,
    });
  if (customApiPath !== null)
    throw new EcoError(
      'wrong_endpoint',
      `"${model}" has an API of its own: call /inference-instances/${id}/proxy${customApiPath}.`,
      { param: 'model' },
    );
}

const RETRY_LOADING_S = 5;

/** Why nothing can serve the target now, in the words of its state. */
export function notReady({ model, source }: Target): EcoError {
  if ('entry' in source)
    return new EcoError('model_not_ready', `"${model}" has no ready replica in any region right now.`, {
      param: 'model',
      retryAfter: RETRY_LOADING_S,
    });
  const isUp = READY_STATES.includes(source.state);
  const state = isUp ? 'has no ready replica right now' : `is ${source.state}`;
  return new EcoError('model_not_ready', `"${model}" ${state}: ${source.message}`, {
    param: 'model',
    retryAfter: RETRY_LOADING_S,
    hint: isUp ? `eco ps` : `eco wait ${source.id}`,
  });
}
