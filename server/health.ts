import { sql } from 'kysely';
import type { Context } from './context.ts';
import type { App } from './route.ts';

const CHECK_TIMEOUT_MS = 2_000;

/** `/health`: the process lives. `/ready`: it can serve, with the reason where it cannot. Neither needs a key. */
export function healthRoutes(app: App, { db, isDraining }: Pick<Context, 'db'> & { isDraining(): boolean }): void {
  app.get('/health', (c) => c.json({ status: 'ok' }));
  app.get('/ready', async (c) => {
    if (isDraining()) return c.json({ status: 'draining' }, 503);
    const database = await answersInTime(sql`select 1`.execute(db));
    return database
      ? c.json({ status: 'ready' })
      : c.json({ status: 'unavailable', reason: 'the database does not answer' }, 503);
  });
}

async function answersInTime(query: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS);
  });
  const answered = query.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
