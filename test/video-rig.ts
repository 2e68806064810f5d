import assert from 'node:assert/strict';
import { pino } from 'pino';
import { CatalogEntry } from '../sdk/contract/index.ts';
import { savePlatformModel } from '../server/catalog/store.ts';
import type { VideoJobRow } from '../server/db/schema.ts';
import { openVideos } from '../server/video/open.ts';
import { orderVideo } from '../server/video/order.ts';
import type { Dialect } from './databases.ts';
import type { VideoEngine } from './fakes/video-engine.ts';
import { startGateway } from './gateway-rig.ts';
import { until } from './until.ts';

export const SECOND_PRICE = '0.10';
export const SECOND_NANOS = 100_000_000n;

/** The videos of a server over a real gateway and database, with a clock that a test moves. */
export async function startVideos(dialect: Dialect = 'sqlite') {
  const scope = new AsyncDisposableStack();
  const rig = scope.use(await startGateway({}, { dialect }));
  const { db, changes, gateway } = rig;
  let aheadMs = 0;
  const clock = () => Date.now() + aheadMs;
  const log = pino({ level: process.env.LOG ?? 'silent' });
  const open = (serverId: string) => openVideos({ db, changes, clock, log, serverId }, gateway.desk);
  let videos = await open('srv_1');
  const account = await rig.account(10);
  scope.defer(() => videos[Symbol.asyncDispose]());
  const owned = scope.move();

  return {
    ...rig,
    account,
    tab: gateway.desk.core.tab,
    get videos() {
      return videos;
    },
    /** As a server does that stops, and another that starts on the same database. */
    async reopen() {
      await videos[Symbol.asyncDispose]();
      videos = await open('srv_2');
    },
    move(ms: number) {
      aheadMs += ms;
    },

    /** A model at `price` a second that APIs elsewhere serve, in regions `far-0`, `far-1`… or all in one */
    async video(engines: readonly Pick<VideoEngine, 'address'>[], { id = 'vendor/video', region = '' } = {}) {
      const backends = engines.map(({ address }, index) => ({
        type: 'upstream' as const,
        region: region || `far-${index}`,
        base_url: `http://${address}/v1`,
        served_name: 'served',
      }));
      const prices = { per_video_second: SECOND_PRICE };
      const entry = CatalogEntry.parse({ id, display_name: id, category: 'video', backends, prices });
      await db.transaction().execute((trx) => savePlatformModel(trx, entry, Date.now()));
      await changes.nudge('catalog');
    },

    /** An instance of the account's own that makes videos. */
    own: (engines: readonly { address: string }[]) =>
      rig.instance(account.id, engines, { workloadCategory: 'video', name: 'mine' }),

    async order(model = 'vendor/video', fields: Record<string, unknown> = {}) {
      const input = { model, prompt: 'a cat', ...fields };
      const key = await gateway.desk.keyring.find(account.secret);
      assert.ok(key);
      return orderVideo(videos, { key, input, text: JSON.stringify(input) });
    },

    jobs: () => db.selectFrom('video_jobs').selectAll().orderBy('id').execute(),
    find: (id: string): Promise<VideoJobRow | undefined> =>
      db.selectFrom('video_jobs').selectAll().where('id', '=', id).executeTakeFirst(),
    reached: (id: string, status: string): Promise<VideoJobRow> =>
      until(`the video is ${status}`, () =>
        db.selectFrom('video_jobs').selectAll().where('id', '=', id).where('status', '=', status).executeTakeFirst(),
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
