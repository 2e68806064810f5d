import type { IncomingMessage, ServerResponse } from 'node:http';

/** The requests under way that change something. What only reads can be asked again of another server, however long it would wait. */
export interface Unfinished {
  note(request: IncomingMessage, response: ServerResponse): void;
  /** Resolves when all have their answers, or after `timeoutMs`. */
  finished(timeoutMs: number): Promise<void>;
}

export function openUnfinished(): Unfinished {
  const open = new Set<ServerResponse>();
  let whenEmpty = () => {};
  return {
    note(request, response) {
      if (request.method === 'GET' || request.method === 'HEAD') return;
      open.add(response);
      response.once('close', () => {
        open.delete(response);
        if (open.size === 0) whenEmpty();
      });
    },
    async finished(timeoutMs) {
      if (open.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      whenEmpty = resolve;
      const timer = setTimeout(resolve, timeoutMs);
      await promise;
      clearTimeout(timer);
    },
  };
}
