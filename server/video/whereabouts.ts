import type { Db } from '../db/open.ts';
import type { VideoJobRow } from '../db/schema.ts';
import type { Replica, Tables } from '../gateway/tables.ts';
import type { Place } from './engines.ts';
import { placeOf } from './place-order.ts';
import { findReplicaOf } from './store.ts';

/** Where the one replica is that knows a job. */
export type Whereabouts =
  | { type: 'there'; place: Place }
  /** It never comes back. */
  | { type: 'gone'; message: string }
  | { type: 'away'; why: string };

/** Asks the tables first, then the database: an address of a replica that ended may be another one's by now. */
export async function locate({ db, tables }: { db: Db; tables: Tables }, job: VideoJobRow): Promise<Whereabouts> {
  const replica = findReplica(tables, job);
  if (replica) return { type: 'there', place: placeOf(replica) };
  const row = job.replica_id === null ? undefined : await findReplicaOf(db, job.replica_id);
  if (!row || job.base_url === null)
    return { type: 'away', why: `no backend of "${job.model}" is at the address it was ordered at` };
  if (row.ended_at !== null)
    return { type: 'gone', message: 'The replica that had this video has ended. Order it again.' };
  if (row.address === null) return { type: 'away', why: 'the replica is starting again' };
  if (row.address !== new URL(job.base_url).host)
    return { type: 'gone', message: 'The replica that had this video was started anew and lost it. Order it again.' };
  return { type: 'there', place: { base_url: job.base_url, authorization: undefined } };
}

/** At the same address: neither a job nor a secret goes to whoever took its place. */
function findReplica(tables: Tables, { workload_id, model, replica_id, base_url }: VideoJobRow): Replica | undefined {
  const source = workload_id === null ? tables.findPlatform(model) : tables.findInstance(workload_id);
  const replicas = source ? tables.routesOf(source).map(({ replica }) => replica) : [];
  return replicas.find((replica) => replica.id === replica_id && placeOf(replica).base_url === base_url);
}
