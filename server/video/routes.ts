import { cancelVideo, createVideo, EcoError, getVideo, getVideoContent } from '../../sdk/contract/index.ts';
import type { Caller } from '../accounts/caller.ts';
import type { KeyEntry } from '../accounts/keyring.ts';
import type { VideoJobRow } from '../db/schema.ts';
import { type App, type RouteContext, route, routeResponse } from '../route.ts';
import { cancelJob } from './cancel.ts';
import { openContent } from './content.ts';
import { orderVideo } from './order.ts';
import type { VideoParts } from './parts.ts';
import { findJob } from './store.ts';
import { videoView } from './view.ts';

export function videoRoutes(app: App, context: RouteContext, videos: VideoParts): void {
  const getJob = async (id: string, account_id: string): Promise<VideoJobRow> => {
    const job = await findJob(videos.db, { id, account_id, now: videos.clock() });
    if (!job) throw new EcoError('not_found', `No video "${id}" is known: never ordered here, or expired.`);
    return job;
  };

  route(app, context, createVideo, async ({ input, caller, text, origin }) =>
    videoView(await orderVideo(videos, { input, key: keyOf(caller), text }), origin),
  );

  // in front of getVideo, whose id takes all that is left of the path
  routeResponse(app, context, getVideoContent, async ({ input, accountId, headers, signal }) =>
    openContent(videos, await getJob(input.id, accountId), { headers, signal }),
  );

  route(app, context, getVideo, async ({ input, accountId, origin }) =>
    videoView(await getJob(input.id, accountId), origin),
  );

  route(app, context, cancelVideo, async ({ input, accountId, origin }) =>
    videoView(await cancelJob(videos, await getJob(input.id, accountId)), origin),
  );
}

function keyOf(caller: Caller): KeyEntry {
  if (caller.type !== 'account') throw new Error('an order of a video comes from an account');
  return caller.key;
}
