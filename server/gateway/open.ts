import { mkdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import { settleUsage } from '../billing/settle.ts';
import type { Context } from '../context.ts';
import { ByteBudget } from './byte-budget.ts';
import { Clocks } from './clocks.ts';
import type { Core, Ongoing } from './core.ts';
import { RHYTHM, type Rhythm, watchEngines } from './engines/watch.ts';
import { findHotRoute } from './hot-routes.ts';
import { Journal } from './journal/journal.ts';
import { replayJournals } from './journal/replay.ts';
import { NodeReply, readBody, toClientRequest } from './listener.ts';
import { RetryBudget } from './retry-budget.ts';
import { Roster } from './roster.ts';
import { type Desk, serve } from './serve.ts';
import { Tab } from './tab.ts';
import { openTables } from './tables.ts';
import { Upstream } from './upstream.ts';

export interface Gateway extends AsyncDisposable {
  /** What calls need that are not one request and one answer, like videos. */
  readonly desk: Desk;
  /** Whether this request is the gateway's; all others are the control API's. */
  handles(method: string, url: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Refuses what comes, lets what runs end for `ms` milliseconds, then ends it with an error event and its bill. */
  drain(ms: number): Promise<void>;
}

export type GatewayContext = Pick<
  Context,
  'config' | 'log' | 'clock' | 'serverId' | 'db' | 'changes' | 'keyring' | 'wallets'
> & { directory?: string; rhythm?: Rhythm };

const PROGRESS_EVERY_MS = 1_000;
const FLUSH_TIMEOUT_MS = 1_000;
const POLL_MS = 10;

/** The data plane. Settles first what servers that are gone have left in their journals. */
export async function openGateway(context: GatewayContext): Promise<Gateway> {
  const { config, log, clock, serverId, keyring, wallets } = context;
  const directory = context.directory ?? join(resolve(config.data), 'journal');
  const settle = (records: Parameters<typeof settleUsage>[1]) => settleUsage(context, records);
  mkdirSync(directory, { recursive: true });
  await replayJournals({ directory, settle, log });

  const settings = config.gateway;
  const tab = new Tab();
  const flights = new Roster<Ongoing>();
  const tables = await openTables(context);
  const clocks = new Clocks(flights);
  const upstream = new Upstream({ connectTimeoutMs: settings.connect_timeout_ms });
  const journal = new Journal({
    directory,
    serverId,
    fsync: settings.journal_fsync,
    settle,
    onSettled: (record) => tab.remove(record, record.cost_nanos),
    log,
  });
  const bytes = new ByteBudget(settings.body_budget_bytes);
  const retries = new RetryBudget();
  const core: Core = { settings, log, clock, clocks, tables, upstream, journal, tab, retries, bytes, flights };
  const noting = setInterval(() => journal.progress(progressOf(flights)), PROGRESS_EVERY_MS).unref();

  let isDraining = false;
  const desk: Desk = { core, keyring, wallets, isDraining: () => isDraining };
  let openReplies = 0;
  const engines = watchEngines({ ...context, tables, rhythm: context.rhythm ?? RHYTHM });
  const limits = { bytesMax: settings.body_max_bytes, budget: bytes, clocks };

  return {
    desk,
    handles: (method, url) => findHotRoute(method, url) !== undefined,
    handle(request, response) {
      const route = findHotRoute(request.method ?? '', request.url ?? '');
      if (!route) throw new Error(`${request.method} ${request.url} is not the gateway's`);
      openReplies++;
      response.once('close', () => openReplies--);
      const reply = new NodeReply(response);
      const readWhole = () => readBody(request, limits);
      void serve(desk, { route, request: toClientRequest(request), reply, readBody: readWhole });
    },
    async drain(ms) {
      isDraining = true;
      await becomes(() => openReplies === 0, ms);
      flights.visit((flight) => flight.shutDown());
      await becomes(() => openReplies === 0, FLUSH_TIMEOUT_MS);
    },
    async [Symbol.asyncDispose]() {
      isDraining = true;
      flights.visit((flight) => flight.shutDown());
      clearInterval(noting);
      clocks[Symbol.dispose]();
      await engines[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}

function progressOf(flights: Roster<Ongoing>) {
  const lines: NonNullable<ReturnType<Ongoing['progress']>>[] = [];
  flights.visit((flight) => {
    const line = flight.progress();
    if (line) lines.push(line);
  });
  return lines;
}

async function becomes(isTrue: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isTrue() && performance.now() < deadline) await new Promise((done) => setTimeout(done, POLL_MS));
}
