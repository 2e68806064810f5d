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
import { readChatBody } from './splice.ts';

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
  checkOpen(desk);
  const key = await authenticate(keyring, visit.request.authorization);
  const bytes = await visit.readBody();
  try {
    const body = readChatBody(bytes);
    const target = await resolveModel(core.tables, {
      name: body.model,
      account_id: key.account_id,
      route: visit.route,
    });
    const estimate_nanos = admit({ wallets: desk.wallets, tab: core.tab, tables: core.tables }, { key, target, body });
    if (core.tables.routesOf(target.source).length === 0) throw notReady(target);
    checkOpen(desk);
    if (!visit.reply.isOpen) throw new ClientGone();
    new Flight(core, { id, startedAt, key, target, body, request: visit.request, estimate_nanos }, visit.reply).start();
  } catch (error) {
    core.bytes.give(bytes.length);
    throw error;
  }
}

const RETRY_AFTER_S = 1;

function checkOpen({ core, isDraining }: Desk): void {
  if (isDraining())
    throw new EcoError('unavailable', 'The server is shutting down. Try again.', { retryAfter: RETRY_AFTER_S });
  if (!core.journal.canAdmit)
    throw new EcoError('overloaded', 'Usage cannot be recorded right now. Try again.', { retryAfter: RETRY_AFTER_S });
}
