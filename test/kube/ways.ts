import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Asked, KubeProxy, Way } from './proxy.ts';

/** Every request takes so much longer. */
export const slow = (ms: number): Way => ({
  before: async () => {
    await sleep(ms);
    return false;
  },
});

/** Nobody is let in; what is open goes on until it is ended. */
export const cut: Way = {
  before: (_asked, response) => {
    response.destroy();
    return true;
  },
};

/** Everything is refused, with the time after which to ask again. */
export const overloaded = (retryAfterSeconds: number): Way => ({
  before: (_asked, response) =>
    refuse(response, { code: 429, reason: 'TooManyRequests' }, { 'retry-after': String(retryAfterSeconds) }),
});

/** The API server is at its wits' end. */
export const broken: Way = {
  before: (_asked, response) => refuse(response, { code: 500, reason: 'InternalError' }),
};

/** Watches are told that the history they ask for is gone. */
export const expired: Way = {
  before: ({ url }, response) => url.searchParams.has('watch') && refuse(response, { code: 410, reason: 'Expired' }),
};

/** What a watch is told in its stream when the history that it follows is gone. */
export const EXPIRED_EVENT = JSON.stringify({ type: 'ERROR', object: status({ code: 410, reason: 'Expired' }) });

/** Deletions are never told. */
export const forgetful: Way = { line: (line) => (line.startsWith('{"type":"DELETED"') ? [] : [line]) };

/** Everything is told twice. */
export const stammering: Way = { line: (line) => [line, line] };

/** Nothing gets through until `resume`; connections stay open. */
export function stalled(): Way & { resume(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    before: async () => {
      await promise;
      return false;
    },
    line: async (line) => {
      await promise;
      return [line];
    },
    resume: resolve,
  };
}

/** A request that a server may be killed at: before it is sent on, or when it is done and not answered. */
export interface Moment {
  when: 'before' | 'after';
  isMeant(asked: Asked): boolean;
}

/** Resolves when the first such request is there; it gets no answer any more. */
export function holdAt(proxy: KubeProxy, { when, isMeant }: Moment): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const hold = (asked: Asked) => {
    if (!isMeant(asked)) return false;
    resolve();
    return new Promise<never>(() => {});
  };
  proxy.way = when === 'before' ? { before: hold } : { after: async (asked) => void (await hold(asked)) };
  return promise;
}

interface Refusal {
  code: number;
  reason: string;
}

function refuse(response: ServerResponse, refusal: Refusal, headers: Record<string, string> = {}): true {
  response.writeHead(refusal.code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(status(refusal)));
  return true;
}

function status({ code, reason }: Refusal) {
  return { kind: 'Status', status: 'Failure', code, reason, message: `refused on the way: ${reason}` };
}
