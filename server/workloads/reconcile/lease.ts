import { randomUUID } from 'node:crypto';
import type { Db } from '../../db/open.ts';
import type { WorkloadRow } from '../../db/schema.ts';

/** A pass and all its cluster calls end before this. */
export const LEASE_MS = 45_000;

export type Lease = Pick<WorkloadRow, 'id' | 'generation'> & { token: string };
export type Claim = WorkloadRow & { lease_token: string };

interface Claimer {
  owner: string;
  now: number;
}

/**
 * Claims at most `limit` rows that are due, oldest first. Each is taken by an update of its own that repeats the lease
 * condition once it has the row's lock: of several claimers one gets it, and none waits for two rows at once.
 */
export async function claimDue(db: Db, { limit, ...claimer }: Claimer & { limit: number }): Promise<Claim[]> {
  const due = await db
    .selectFrom('workloads')
    .select('id')
    .where('next_at', '<=', claimer.now)
    .where('lease_expires_at', '<=', claimer.now)
    .orderBy('next_at')
    .orderBy('id')
    .limit(limit)
    .execute();
  const claims: Claim[] = [];
  for (const { id } of due) {
    const claim = await claimOne(db, id, { ...claimer, due: claimer.now });
    if (claim) claims.push(claim);
  }
  return claims;
}

/** Claims one row that something is left to do for, by default before its time. */
export async function claimOne(
  db: Db,
  id: number,
  { owner, now, due = Number.MAX_SAFE_INTEGER }: Claimer & { due?: number },
): Promise<Claim | undefined> {
  const row = await db
    .updateTable('workloads')
    .set({ lease_owner: owner, lease_token: randomUUID(), lease_expires_at: now + LEASE_MS })
    .where('id', '=', id)
    .where('lease_expires_at', '<=', now)
    .where('next_at', '<=', due)
    .returningAll()
    .executeTakeFirst();
  return row && { ...row, lease_token: row.lease_token ?? '' };
}

/** Takes the row's lock for the rest of the transaction; false when the lease is lost or something else was asked for meanwhile. */
export async function holdLease(trx: Db, { id, token, generation }: Lease): Promise<boolean> {
  const row = await trx
    .updateTable('workloads')
    .set({ lease_token: token })
    .where('id', '=', id)
    .where('lease_token', '=', token)
    .where('generation', '=', generation)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export const isCurrent = async (db: Db, { id, token, generation }: Lease): Promise<boolean> => {
  const row = await db
    .selectFrom('workloads')
    .select(['lease_token', 'generation'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.lease_token === token && row.generation === generation;
};

export const freed = { lease_owner: null, lease_token: null, lease_expires_at: 0 } as const;

/** Gives a row back before its time, due at `next_at` where that is given. */
export async function releaseLease(
  db: Db,
  { id, token }: Pick<Lease, 'id' | 'token'>,
  next_at?: number,
): Promise<void> {
  await db
    .updateTable('workloads')
    .set({ ...freed, ...(next_at !== undefined && { next_at }) })
    .where('id', '=', id)
    .where('lease_token', '=', token)
    .execute();
}

/** Frees what a server that is gone left leased. Should it live after all, its tokens are worth nothing any more. */
export async function releaseLeasesOf(db: Db, owner: string): Promise<void> {
  await db.updateTable('workloads').set(freed).where('lease_owner', '=', owner).execute();
}
