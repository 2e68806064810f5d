import { newId } from '../new-id.ts';
import type { Db } from './open.ts';

/** The name this installation was given at its first start; a copy of the database keeps it. */
export async function findInstallation(db: Db, now: number): Promise<string> {
  await db
    .insertInto('installation')
    .values({ id: 1, uid: newId('ins', now), created_at: now })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  const { uid } = await db.selectFrom('installation').select('uid').where('id', '=', 1).executeTakeFirstOrThrow();
  return uid;
}
