import { EcoError } from '../../sdk/contract/index.ts';
import type { Keyring } from '../accounts/keyring.ts';
import type { Wallets } from '../billing/wallets.ts';
import { newId } from '../new-id.ts';
import { admit } from './admit.ts';
import { authenticate } from './authenticate.ts';
import type { Core } from './core.ts';
import { Flight } from './flight.ts';
import type { HotRoute } from './hot-routes.ts';
import { refuse } from './refuse.ts';
import type { ClientRequest, Reply } from './reply.ts';
import { notReady, resolveModel } from './resolve.ts';

export interface Desk {
  core: Core;
  keyring: Keyring;
  wallets: Wallets;
  isDraining(): boolean;
}

export interface Visit {
  route: HotRoute;
  request: ClientRequest;
  reply: Reply;
  /** The whole body, taken out of the byte budget; whoever has it gives it back. */
  readBody(): Promise<Buffer>;
}

/** Thrown by `readBody` when nobody is left to answer. */
export class ClientGone extends Error {}

/** One request: whose it is, what it asks, whether it may; then it flies, and ends by itself. */
export async function serve(desk: Desk, visit: Visit): Promise<void> {
  const startedAt = desk.core.clock();
  const id = newId('req', startedAt);
  try {
    await admitVisit(desk, visit, { id, startedAt });
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (!(error instanceof EcoError) && !('status' in (error as object)))
      desk.core.log.error({ err: error, request_id: id }, 'request failed');
    refuse(visit.reply, error, id);
  }
}

async function admitVisit(desk: Desk, visit: Visit, { id, startedAt }: { id: string; startedAt: number }) {
  const { core, keyring } = desk;
  const { route, request, reply } = visit;
  checkOpen(desk);
  const key = await authenticate(keyring, request.authorization);
  const bytes = await visit.readBody();
  let flight: Flight | undefined;
  try {
    const body = route.readBody(bytes, request.contentType);
    const target = await resolveModel(core.tables, { name: body.model, account_id: key.account_id, route });
    route.service.check(body);
    const atMost = route.service.atMost(body);
    const estimate_nanos = admit(
      { wallets: desk.wallets, tab: core.tab, tables: core.tables },
      { key, target, atMost },
    );
    if (core.tables.routesOf(target.source).length === 0) throw notReady(target);
    checkOpen(desk);
    if (!reply.isOpen) throw new ClientGone();
    const wantsEvents = route.service.asksForEvents(body);
    flight = new Flight(core, { id, startedAt, key, route, target, body, wantsEvents, request, estimate_nanos }, reply);
  } finally {
    if (!flight) core.bytes.give(bytes.length);
  }
  flight.start();
}

const RETRY_AFTER_S = 1;

function checkOpen({ core, isDraining }: Desk): void {
  if (isDraining())
    throw new EcoError('unavailable', 'The server is shutting down. Try again.', { retryAfter: RETRY_AFTER_S });
  if (!core.journal.canAdmit)
    throw new EcoError('overloaded', 'Usage cannot be recorded right now. Try again.', { retryAfter: RETRY_AFTER_S });
}
