import { EcoError } from '../../sdk/contract/index.ts';
import { pickReplica } from '../gateway/balance.ts';
import type { Core } from '../gateway/core.ts';
import { type Health, noteFailure, noteGone, noteSent, noteSuccess } from '../gateway/health.ts';
import { notReady, type Target } from '../gateway/resolve.ts';
import type { Replica, Route } from '../gateway/tables.ts';
import { withModel } from './body.ts';
import { type EngineReply, type Engines, isUnsent } from './engines.ts';
import { mayGoElsewhere, refusalOf } from './refusal.ts';
import { readUpstreamId } from './seen.ts';

export interface Placed {
  replica: Replica;
  upstream_id: string;
}

type Placing = Pick<Core, 'tables' | 'clock'> & { engines: Engines };

const TRIES_MAX = 3;

/** Gives an order to a replica of the target. Another one is tried only where the first cannot have taken it. */
export async function placeOrder(parts: Placing, { target, text }: { target: Target; text: string }): Promise<Placed> {
  const tried: Health[] = [];
  let error = notReady(target);
  while (tried.length < TRIES_MAX) {
    const now = parts.clock();
    const route = pickReplica(parts.tables.routesOf(target.source), { tried, now, random: Math.random });
    if (!route || tried.includes(route.health)) break;
    tried.push(route.health);
    const reply = await send(parts, route, text);
    if (reply instanceof EcoError) error = reply;
    else if (mayGoElsewhere(reply)) error = refusalOf(reply);
    else return read(reply, route.replica);
  }
  throw error;
}

function read(reply: EngineReply, replica: Replica): Placed {
  if (reply.status < 200 || reply.status >= 300) throw refusalOf(reply);
  const upstream_id = readUpstreamId(reply.body);
  if (upstream_id === undefined)
    throw new EcoError(
      'upstream_error',
      "The model's server took the order and gave no id for it. Its engine makes no videos that can be followed.",
    );
  return { replica, upstream_id };
}

/** The answer, or why nothing was sent. Throws where nobody knows whether the order was taken. */
async function send({ engines, clock }: Placing, route: Route, text: string): Promise<EngineReply | EcoError> {
  const { replica, health, servedName } = route;
  noteSent(health);
  try {
    const reply = await engines.order(placeOf(replica), withModel(text, servedName));
    if (mayGoElsewhere(reply)) noteFailure(health, clock());
    else noteSuccess(health, clock());
    return reply;
  } catch (cause) {
    if (cause instanceof EcoError) throw cause;
    noteFailure(health, clock());
    if (isUnsent(cause)) return new EcoError('upstream_error', 'No replica could be reached. Try again.', { cause });
    throw new EcoError(
      'upstream_error',
      'The replica did not answer the order in time. Nothing was billed: order again.',
      {
        cause,
      },
    );
  } finally {
    noteGone(health);
  }
}

export const placeOf = ({ origin, basePath, authorization }: Replica) => ({
  base_url: origin + basePath,
  authorization,
});
