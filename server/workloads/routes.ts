import {
  extendWorkload,
  followEvents,
  getWorkload,
  listEvents,
  listReplicas,
  listWorkloads,
  readLogs,
  resumeWorkload,
  scaleWorkload,
  stopWorkload,
  terminateWorkload,
  waitForWorkload,
} from '../../sdk/contract/index.ts';
import type { Actor } from '../accounts/audit-log.ts';
import type { Context } from '../context.ts';
import { pageOf } from '../page.ts';
import { type App, route, routeLines } from '../route.ts';
import { getByRef } from './find-by-ref.ts';
import { type Feed, openFeed } from './follow/feed.ts';
import { readLogsOf } from './follow/logs.ts';
import { followEventsOf, waitForRevision } from './follow/wait.ts';
import { type Asked, changeWorkload } from './launch/change.ts';
import { readRoom } from './launch/room.ts';
import { planResume, planScale, planStop, planTerminate, refuseExtend } from './launch/verbs.ts';
import { listPage } from './list-page.ts';
import { decodeSpec } from './spec.ts';
import { listEventRows, listReplicaRows } from './store.ts';
import { eventView, readView, replicaView } from './view.ts';

export function workloadRoutes(app: App, context: Context): void {
  const { db } = context;
  const feed = lazily(() => openFeed(context));

  route(app, context, listWorkloads, async ({ input, accountId }) => listPage(db, accountId, input));

  route(app, context, getWorkload, async ({ input, accountId }) =>
    readView(db, await getByRef(db, accountId, input.workload)),
  );

  route(app, context, listReplicas, async ({ input, accountId }) => {
    const { id } = await getByRef(db, accountId, input.workload);
    return pageOf(await listReplicaRows(db, id, input), input.limit, (row) => row.id, replicaView);
  });

  route(app, context, listEvents, async ({ input, accountId }) => {
    const { id } = await getByRef(db, accountId, input.workload);
    return pageOf(await listEventRows(db, id, input), input.limit, (row) => row.id, eventView);
  });

  routeLines(app, context, followEvents, async function* ({ input, accountId, signal }) {
    const { id } = await getByRef(db, accountId, input.workload);
    yield* followEventsOf({ db, signal, feed: await feed() }, id, input.since);
  });

  routeLines(app, context, readLogs, async function* ({ input: { workload, ...query }, accountId, signal }) {
    yield* readLogsOf(context, await getByRef(db, accountId, workload), { query, signal });
  });

  route(app, context, stopWorkload, async (call) => changeWorkload(context, asked(call), planStop));

  route(app, context, terminateWorkload, async (call) => changeWorkload(context, asked(call), planTerminate));

  const roomFor = async ({ accountId, input }: { accountId: string; input: { workload: string } }) => {
    const { placements } = decodeSpec((await getByRef(db, accountId, input.workload)).spec);
    return readRoom(
      context,
      placements.map(({ region }) => region),
    );
  };

  route(app, context, resumeWorkload, async (call) =>
    changeWorkload(context, asked(call), planResume(await roomFor(call))),
  );

  route(app, context, scaleWorkload, async (call) =>
    changeWorkload(context, asked(call), planScale(await roomFor(call), call.input.replicas)),
  );

  route(app, context, extendWorkload, async ({ input, accountId }) => {
    const row = await getByRef(db, accountId, input.workload);
    refuseExtend(row);
    return readView(db, row);
  });

  route(app, context, waitForWorkload, async ({ input, accountId, signal }) => {
    const row = await getByRef(db, accountId, input.workload);
    const { revision, timeout_seconds } = input;
    const until = { revision, timeoutMs: timeout_seconds * 1000 };
    return readView(db, (await waitForRevision({ db, signal, feed: await feed() }, row.id, until)) ?? row);
  });
}

const asked = ({
  input,
  accountId,
  actor,
}: {
  input: { workload: string };
  accountId: string;
  actor: Actor;
}): Asked => ({
  ref: input.workload,
  accountId,
  actor,
});

/** Opened by the first request that waits; a failure is tried again by the next. */
function lazily(open: () => Promise<Feed>): () => Promise<Feed> {
  let opened: Promise<Feed> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
