import type { Context } from '../context.ts';
import type { Desk } from '../gateway/serve.ts';
import { openEngines } from './engines.ts';
import { openEstimates } from './estimates.ts';
import { startFollowing } from './follow.ts';
import type { VideoParts } from './parts.ts';

export type Videos = VideoParts & AsyncDisposable;
export type VideoContext = Pick<Context, 'db' | 'changes' | 'clock' | 'log' | 'serverId'>;

/** Takes up what earlier runs left under way: it stands on the tab before the first order is admitted. */
export async function openVideos(context: VideoContext, desk: Desk): Promise<Videos> {
  const { db, changes, clock, log, serverId } = context;
  const engines = openEngines();
  const estimates = openEstimates(context, desk.core.tab);
  const parts = { db, changes, clock, log, serverId, desk, engines, estimates };
  await estimates.sync();
  const following = startFollowing(parts);
  return {
    ...parts,
    async [Symbol.asyncDispose]() {
      const ended = following[Symbol.asyncDispose]();
      await engines[Symbol.asyncDispose](); // ends the looks that are under way
      await ended;
    },
  };
}
