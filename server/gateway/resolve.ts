import { EcoError, type Prices } from '../../sdk/contract/index.ts';
import { type Door, endpointsOf } from './hot-routes.ts';
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
  { name, account_id, route }: { name: string; account_id: string; route: Door },
): Promise<Target> {
  if (name.length > NAME_CHARS_MAX) throw unknown(name.slice(0, NAME_CHARS_MAX));
  let target = findTarget(tables, name, account_id);
  if (!target || tables.routesOf(target.source).length === 0) {
    await tables.refresh(); // another server may have made it, or led an alias to it, a moment ago
    target = findTarget(tables, name, account_id);
  }
  if (!target) throw tables.findAliased(account_id, name) === undefined ? unknown(name) : endedBehind(name);
  checkEndpoint(target, route);
  return target;
}

/** A platform model goes before an alias of the account, so that one name means the same to everybody who calls it. */
function findTarget(tables: Tables, name: string, account_id: string): Target | undefined {
  const platform = tables.findPlatform(name);
  if (platform) return { model: platform.entry.id, source: platform, workload_id: null, prices: platform.prices };
  const aliased = tables.findAliased(account_id, name);
  return aliased === undefined ? findByRef(tables, name, account_id) : findAliasedTarget(tables, aliased);
}

function findAliasedTarget(tables: Tables, id: number): Target | undefined {
  const instance = tables.findInstance(id);
  return instance && { model: `${instance.name}:${id}`, source: instance, workload_id: id, prices: null };
}

function findByRef(tables: Tables, name: string, account_id: string): Target | undefined {
  const colon = name.lastIndexOf(':');
  const id = name.slice(colon + 1);
  if (colon < 1 || !/^[1-9]\d{0,14}$/.test(id)) return undefined;
  const instance = tables.findInstance(Number(id));
  if (!instance || instance.name !== name.slice(0, colon)) return undefined;
  if (instance.account_id !== account_id)
    throw new EcoError('forbidden', `The instance "${name}" belongs to another account.`, { param: 'model' });
  return { model: name, source: instance, workload_id: instance.id, prices: null };
}

const unknown = (name: string) =>
  new EcoError('model_not_found', `No model "${name}" is known here.`, { param: 'model', hint: 'eco catalog' });

const endedBehind = (alias: string) =>
  new EcoError('model_not_found', `The instance that "${alias}" leads to was terminated. Lead it to another one.`, {
    param: 'model',
    hint: `eco aliases set ${alias} <instance>`,
  });

function checkEndpoint({ model, source }: Target, { path, categories }: Door): void {
  if ('customApiPath' in source) checkInstance(source, model);
  const category = 'entry' in source ? source.entry.category : source.category;
  if (category === null || categories.includes(category)) return;
  throw new EcoError(
    'wrong_endpoint',
    `"${model}" is a model for ${category}: call ${endpointsOf(category)}, not ${path}.`,
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
    hint: isUp ? 'eco ps' : `eco ${source.state === 'failed' ? 'logs' : 'wait'} ${source.id}`,
  });
}
