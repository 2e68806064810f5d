import type { WorkloadEvent } from '../../../sdk/contract/index.ts';
import type { Db } from '../../db/open.ts';
import type { WorkloadRow } from '../../db/schema.ts';
import { findWorkload, listEventsSince } from '../store.ts';
import { eventView } from '../view.ts';
import type { Feed } from './feed.ts';

interface Waiting {
  db: Db;
  feed: Feed;
  signal: AbortSignal;
}

/** The row as soon as it is newer than `revision`, or as it is after `timeoutMs`. */
export async function waitForRevision(
  { db, feed, signal }: Waiting,
  id: number,
  { revision, timeoutMs }: { revision: number; timeoutMs: number },
): Promise<WorkloadRow | undefined> {
  const end = performance.now() + timeoutMs;
  using watch = feed.watch(id);
  for (;;) {
    const row = await findWorkload(db, id);
    const left = end - performance.now();
    if (!row || row.revision > revision || left <= 0 || signal.aborted) return row;
    await watch.changed(left, signal);
  }
}

const EVENTS_MAX = 500;
/** A transaction that noted an event may commit after one that noted a later event: so far back is looked again. */
const OVERLAP_MS = 10_000;
const LOOK_AGAIN_MS = 30_000;

/** Events from `since` on as they happen, until the client leaves or the workload has come to its end. */
export async function* followEventsOf(
  { db, feed, signal }: Waiting,
  id: number,
  since: number,
): AsyncGenerator<WorkloadEvent> {
  using watch = feed.watch(id);
  const told = new Map<string, number>();
  let from = since;
  while (!signal.aborted) {
    const row = await findWorkload(db, id);
    const events = await listEventsSince(db, id, from, EVENTS_MAX);
    for (const event of events) {
      if (told.has(event.id)) continue;
      told.set(event.id, event.at);
      yield eventView(event);
    }
    const last = events.at(-1)?.at ?? from;
    from = events.length === EVENTS_MAX ? last : Math.max(since, last - OVERLAP_MS);
    for (const [id, at] of told) if (at < from) told.delete(id);
    if (events.length === EVENTS_MAX) continue;
    if (row?.state === 'terminated') return;
    await watch.changed(LOOK_AGAIN_MS, signal);
  }
}
