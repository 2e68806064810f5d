import { EcoError, getInstance, launchInstance, listInstances } from '../../sdk/contract/index.ts';
import type { Context } from '../context.ts';
import { type App, route } from '../route.ts';
import { getByRef } from './find-by-ref.ts';
import { launchWorkload, quoteLaunch } from './launch/launch.ts';
import { listPage } from './list-page.ts';
import { readView } from './view.ts';

export function instanceRoutes(app: App, context: Context): void {
  const { db, changes, reconciler } = context;

  route(app, context, launchInstance, async ({ input: { dry_run, draft, ...input }, accountId, actor, ...call }) => {
    const launch = { accountId, actor, launchKey: call.idempotencyKey, input };
    if (dry_run) return quoteLaunch(context, launch, draft);
    if (draft) throw new EcoError('invalid_request', 'draft: only a dry_run takes one.', { param: 'draft' });
    const row = await launchWorkload(context, launch);
    await changes.nudge('workloads', 'balances');
    reconciler.nudge(row.id);
    return readView(db, row);
  });

  route(app, context, listInstances, async ({ input, accountId }) =>
    listPage(db, accountId, { ...input, kind: 'inference_instance', all: false }),
  );

  route(app, context, getInstance, async ({ input, accountId }) =>
    readView(db, await getByRef(db, accountId, input.workload)),
  );
}
