import type { Db } from '../db/open.ts';
import type { VideoJobRow } from '../db/schema.ts';

/** A job that is not over. */
export const OPEN: readonly string[] = ['queued', 'processing'];

/** Inserts the job unless its account has `limit` under way. Of racing orders none slips through: each takes the account's row lock first. */
export function insertJob(db: Db, job: VideoJobRow, limit: number): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await lockAccount(trx, job.account_id);
    if ((await countOpen(trx, job.account_id, job.created_at)) >= limit) return false;
    await trx.insertInto('video_jobs').values(job).execute();
    return true;
  });
}

const lockAccount = (trx: Db, id: string) =>
  trx
    .updateTable('accounts')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', id)
    .execute();

async function countOpen(trx: Db, account_id: string, now: number): Promise<number> {
  const rows = await trx
    .selectFrom('video_jobs')
    .select('id')
    .where('account_id', '=', account_id)
    .where('status', 'in', OPEN)
    .where('expires_at', '>', now)
    .execute();
  return rows.length;
}

/** A job of this account that has not expired. */
export const findJob = (
  db: Db,
  { id, account_id, now }: { id: string; account_id: string; now: number },
): Promise<VideoJobRow | undefined> =>
  db
    .selectFrom('video_jobs')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', account_id)
    .where('expires_at', '>', now)
    .executeTakeFirst();

/** Changes a job that is not over and gives it back; undefined when it is over or gone: of several writers one ends it. */
export const updateOpenJob = (
  db: Db,
  id: string,
  columns: Partial<Omit<VideoJobRow, 'id'>>,
): Promise<VideoJobRow | undefined> =>
  db
    .updateTable('video_jobs')
    .set(columns)
    .where('id', '=', id)
    .where('status', 'in', OPEN)
    .returningAll()
    .executeTakeFirst();

/** Gives the job as it was; of several callers one gets it. */
export const deleteJob = (db: Db, id: string): Promise<VideoJobRow | undefined> =>
  db.deleteFrom('video_jobs').where('id', '=', id).returningAll().executeTakeFirst();

export type OpenEstimate = Pick<VideoJobRow, 'id' | 'account_id' | 'key_id' | 'estimate_nanos'>;

/** What is under way and will cost something, of all accounts: each has a few at most. */
export const listOpenEstimates = (db: Db, now: number): Promise<OpenEstimate[]> =>
  db
    .selectFrom('video_jobs')
    .select(['id', 'account_id', 'key_id', 'estimate_nanos'])
    .where('status', 'in', OPEN)
    .where('expires_at', '>', now)
    .where('estimate_nanos', '>', 0n)
    .execute();

/** Takes at most `limit` expired jobs out, oldest first. */
export async function takeExpired(db: Db, now: number, limit: number): Promise<VideoJobRow[]> {
  const expired = await db
    .selectFrom('video_jobs')
    .select('id')
    .where('expires_at', '<=', now)
    .orderBy('expires_at')
    .limit(limit)
    .execute();
  const taken = await Promise.all(expired.map(({ id }) => deleteJob(db, id)));
  return taken.filter((job) => job !== undefined);
}

/** What the database says of the replica that has a job. */
export const findReplicaOf = (db: Db, replica_id: string) =>
  db.selectFrom('replicas').select(['address', 'ended_at']).where('id', '=', replica_id).executeTakeFirst();
