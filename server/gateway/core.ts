import type { KeyEntry } from '../accounts/keyring.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Body } from './bodies/body.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Clocks, Timed } from './clocks.ts';
import type { HotRoute } from './hot-routes.ts';
import type { Progress } from './journal/format.ts';
import type { Journal } from './journal/journal.ts';
import type { ClientRequest } from './reply.ts';
import type { Target } from './resolve.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { Roster } from './roster.ts';
import type { Tab } from './tab.ts';
import type { Tables } from './tables.ts';
import type { Upstream } from './upstream.ts';

/** What requests in flight share. */
export interface Core {
  settings: Config['gateway'];
  log: Log;
  /** Unix milliseconds. */
  clock: () => number;
  clocks: Clocks;
  tables: Tables;
  upstream: Upstream;
  journal: Journal;
  tab: Tab;
  retries: RetryBudget;
  bytes: ByteBudget;
  flights: Roster<Ongoing>;
}

/** A request in flight, as those see it who look after all of them. */
export interface Ongoing extends Timed {
  /** A line for the journal, if there is something new to say. */
  progress(): Omit<Progress, 'type'> | undefined;
  /** Ends it when the server goes. */
  shutDown(): void;
}

/** A request that was admitted. */
export interface Call {
  id: string;
  /** Unix milliseconds. */
  startedAt: number;
  key: KeyEntry;
  route: HotRoute;
  target: Target;
  body: Body;
  /** The client asked for a stream of events. */
  wantsEvents: boolean;
  request: ClientRequest;
  /** What it stands on the tab with until it has ended. */
  estimate_nanos: bigint;
}
