import type { Db } from './open.ts';

/** What servers keep in memory and must hear about. */
export const topics = ['keys', 'catalog', 'workloads', 'aliases', 'replicas', 'balances'] as const;
export type Topic = (typeof topics)[number];

/**
 * The next number of a topic, taken inside the transaction that writes it into `changed_seq` of its rows. The
 * counter's row stays locked until that transaction commits, so numbers become visible in their order: a reader
 * that has seen N has seen all below it.
 */
export async function nextChange(trx: Db, topic: Topic): Promise<number> {
  const { seq } = await trx
    .updateTable('topics')
    .set((eb) => ({ seq: eb('seq', '+', 1) }))
    .where('name', '=', topic)
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

export interface Changes extends AsyncDisposable {
  /** Calls `load(since)` with the last number it has seen, at once and after every change here or on another server. */
  follow(topic: Topic, load: (since: number) => Promise<number>): Promise<void>;
  /** Says that a transaction on these topics has committed in this process; resolves when followers have caught up. */
  nudge(...changed: Topic[]): Promise<void>;
}

const POLL_MS = 1_000;

interface Follower {
  topic: Topic;
  seen: number;
  load(since: number): Promise<number>;
  running: Promise<void> | undefined;
  again: boolean;
}

/** Followers of the topics: woken by `nudge` in this process, by a poll for changes made elsewhere. */
export function startChanges(db: Db, onError: (error: unknown) => void, pollMs = POLL_MS): Changes {
  const followers: Follower[] = [];

  const catchUp = (follower: Follower): Promise<void> => {
    follower.again = true;
    follower.running ??= (async () => {
      try {
        while (follower.again) {
          follower.again = false;
          follower.seen = Math.max(follower.seen, await follower.load(follower.seen));
        }
      } finally {
        follower.running = undefined;
      }
    })();
    return follower.running;
  };

  const poll = async () => {
    const rows = await db.selectFrom('topics').selectAll().execute();
    const current = new Map(rows.map((row) => [row.name, row.seq]));
    await Promise.all(followers.filter((f) => (current.get(f.topic) ?? 0) > f.seen).map(catchUp));
  };

  let stopped = false;
  let polling: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    polling = polling.then(() => (stopped ? undefined : poll())).catch(onError);
  }, pollMs);

  return {
    async follow(topic, load) {
      const follower: Follower = { topic, seen: 0, load, running: undefined, again: false };
      await catchUp(follower);
      followers.push(follower);
    },
    async nudge(...changed) {
      try {
        await Promise.all(followers.filter((follower) => changed.includes(follower.topic)).map(catchUp));
      } catch (error) {
        onError(error); // the rows are committed; the poll brings them later
      }
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearInterval(timer);
      await polling;
      await Promise.allSettled(followers.map((follower) => follower.running));
    },
  };
}
