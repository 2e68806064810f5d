import { type createVideo, EcoError, type Parsed, VIDEO_JOBS_MAX, VIDEO_KEPT_HOURS } from '../../sdk/contract/index.ts';
import type { KeyEntry } from '../accounts/keyring.ts';
import type { VideoJobRow } from '../db/schema.ts';
import { admit } from '../gateway/admit.ts';
import { notReady, resolveModel, type Target } from '../gateway/resolve.ts';
import { newId } from '../new-id.ts';
import { videoCounts } from './counts.ts';
import { freed, LEASE_MS } from './lease.ts';
import { forgetAtReplica, type VideoParts } from './parts.ts';
import { type Placed, placeOf, placeOrder } from './place-order.ts';
import { orderedMs } from './seen.ts';
import { deleteJob, findJob, insertJob, updateOpenJob } from './store.ts';

export interface Order {
  key: KeyEntry;
  input: Parsed<typeof createVideo>;
  /** The body as the caller sent it. */
  text: string;
}

const ROUTE = { path: '/v1/video/generations', categories: ['video'] };
const KEPT_MS = VIDEO_KEPT_HOURS * 3_600_000;
/** Small videos are made in a second or two. */
const FIRST_LOOK_MS = 250;

/** Takes an order: stored first, then given to a replica. One that no replica takes leaves nothing behind. */
export async function orderVideo(parts: VideoParts, { key, input, text }: Order): Promise<VideoJobRow> {
  const { core } = parts.desk;
  const target = await resolveModel(core.tables, { name: input.model, account_id: key.account_id, route: ROUTE });
  const job = await admitJob(parts, { key, target, durationMs: orderedMs(input) });
  try {
    const placed = await placeOrder({ ...core, engines: parts.engines }, { target, text });
    return await noteTaken(parts, job, placed);
  } catch (error) {
    await deleteJob(parts.db, job.id);
    parts.estimates.remove(job.id);
    throw error;
  }
}

interface Asked {
  key: KeyEntry;
  target: Target;
  durationMs: number;
}

/** Stands on the tab from before the row is written on, so that orders that race see each other. */
async function admitJob({ desk, db, estimates, clock, serverId }: VideoParts, asked: Asked): Promise<VideoJobRow> {
  const { tables, tab } = desk.core;
  const { key, target, durationMs } = asked;
  const estimate_nanos = admit(
    { wallets: desk.wallets, tab, tables },
    { key, target, atMost: videoCounts(durationMs) },
  );
  if (tables.routesOf(target.source).length === 0) throw notReady(target);
  const job = newJob(asked, { estimate_nanos, now: clock(), serverId });
  tab.add(job, estimate_nanos);
  try {
    if (!(await insertJob(db, job, VIDEO_JOBS_MAX))) throw tooMany();
    estimates.add(job);
  } finally {
    tab.remove(job, estimate_nanos);
  }
  return job;
}

const RETRY_AFTER_S = 5;

const tooMany = () =>
  new EcoError(
    'rate_limit_exceeded',
    `This account has ${VIDEO_JOBS_MAX} videos under way, which is the most it may have. Wait for one, or cancel one.`,
    { retryAfter: RETRY_AFTER_S },
  );

interface Making {
  estimate_nanos: bigint;
  now: number;
  serverId: string;
}

/** Leased by who orders it: should that server die, the lease ends and another one settles what is unknown. */
const newJob = ({ key, target, durationMs }: Asked, { estimate_nanos, now, serverId }: Making): VideoJobRow => ({
  id: newId('vid', now),
  account_id: key.account_id,
  key_id: key.id,
  model: target.model,
  workload_id: target.workload_id,
  status: 'queued',
  prices: target.prices && JSON.stringify(target.prices),
  estimate_nanos,
  replica_id: null,
  region: null,
  base_url: null,
  upstream_id: null,
  upstream_url: null,
  duration_ms: durationMs,
  error_code: null,
  error_message: null,
  created_at: now,
  completed_at: null,
  expires_at: now + KEPT_MS,
  lease_owner: serverId,
  lease_expires_at: now + LEASE_MS,
  next_at: now,
});

/** Whoever cancelled it meanwhile could not tell the replica: we do. */
async function noteTaken(parts: VideoParts, job: VideoJobRow, { replica, upstream_id }: Placed): Promise<VideoJobRow> {
  const { db, clock } = parts;
  const { base_url } = placeOf(replica);
  const where = { replica_id: replica.id, region: replica.region, base_url, upstream_id };
  const taken = await updateOpenJob(db, job.id, { ...where, ...freed, next_at: clock() + FIRST_LOOK_MS });
  if (taken) return taken;
  await forgetAtReplica(parts, { ...job, ...where });
  const ended = await findJob(db, { ...job, now: clock() });
  return ended ?? { ...job, status: 'cancelled' };
}
