import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../log.ts';
import type { Replica, Tables } from '../tables.ts';
import { openAsking } from './ask.ts';

const WAIT_FIRST_MS = 50;
const WAIT_MAX_MS = 2_000;
/** Some seconds: what is merely slow to come up is no news. */
const FAILURES_TO_TELL = 7;

/**
 * Asks each replica that becomes ready for its health, so that requests go there only when this server has had an
 * answer. Tries for as long as it is ready, or until a request has ended well there.
 */
export function startChecks({ tables, log }: { tables: Tables; log: Log }): AsyncDisposable {
  const asking = openAsking();
  const stop = new AbortController();
  const running = new Set<Promise<void>>();

  /** Every other time it asks for the models instead: a health path that makes a token is slow where an engine is busy. */
  const answers = async ({ origin, basePath, workload_id }: Replica, failures: number): Promise<boolean> => {
    const path = tables.findInstance(workload_id ?? 0)?.healthPath;
    if (path === undefined) return false;
    try {
      if (failures % 2 === 1) return (await asking.status(`${origin}${basePath}/models`)) < 300;
      return (await asking.status(origin + path)) < 500;
    } catch {
      return false;
    }
  };

  const isOpen = (replica: Replica) => !replica.health.isProven && tables.ready.has(replica) && !stop.signal.aborted;

  const check = async (replica: Replica) => {
    for (let failures = 0; isOpen(replica); failures++) {
      if (failures === FAILURES_TO_TELL) log.warn({ replica: replica.id, origin: replica.origin }, NO_ANSWER);
      if (await answers(replica, failures)) replica.health.isProven = true;
      else await sleep(waitMs(failures), undefined, { signal: stop.signal }).catch(() => {});
    }
  };

  tables.ready.onReady((replica) => {
    const checking = check(replica).finally(() => running.delete(checking));
    running.add(checking);
  });

  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await asking[Symbol.asyncDispose]();
      await Promise.all(running);
    },
  };
}

const NO_ANSWER = 'a replica that is ready does not answer this server; requests go to others while there are any';

const waitMs = (failures: number) => Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** failures) * (0.75 + Math.random() / 2);
