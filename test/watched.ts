import type { Connection } from '../server/cluster/kubernetes/client/connection.ts';
import { type Watching, watchAll } from '../server/cluster/kubernetes/client/watch.ts';
import type { KubeObject } from '../server/cluster/kubernetes/objects.ts';

export interface Watched extends AsyncDisposable {
  /** Names that are there, as far as the watch knows. */
  present: Set<string>;
  lists: number;
  /** What it is in now; undefined: none. */
  trouble: unknown;
  troubles: unknown[];
}

/** Follows a collection as a cache would. */
export function startWatch(connection: Connection, path: string, options: Partial<Watching<KubeObject>> = {}): Watched {
  const stop = new AbortController();
  const watched: Watched = {
    present: new Set(),
    lists: 0,
    trouble: undefined,
    troubles: [],
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
  const handler = {
    synced(objects: KubeObject[]) {
      watched.lists++;
      watched.present = new Set(objects.map(({ metadata }) => metadata.name));
    },
    changed(type: string, { metadata }: KubeObject) {
      if (type === 'DELETED') watched.present.delete(metadata.name);
      else watched.present.add(metadata.name);
    },
    troubled(error: unknown) {
      watched.trouble = error;
      if (error !== undefined) watched.troubles.push(error);
    },
  };
  const watching = watchAll(connection, path, { handler, signal: stop.signal, ...options });
  return watched;
}
