import { Hono } from 'hono';
import { EcoError } from '../sdk/contract/index.ts';
import { keyRoutes } from './accounts/key-routes.ts';
import { accountRoutes } from './accounts/routes.ts';
import { aliasRoutes } from './aliases/routes.ts';
import { billingRoutes } from './billing/routes.ts';
import { catalogRoutes } from './catalog/routes.ts';
import { servedModelRoutes } from './catalog/served-routes.ts';
import type { Context } from './context.ts';
import { NotPriced } from './gateway/admit.ts';
import { healthRoutes } from './health.ts';
import { modelRoutes } from './models/routes.ts';
import { newId } from './new-id.ts';
import { packageVersion } from './package-root.ts';
import { regionRoutes } from './regions/routes.ts';
import type { App, Variables } from './route.ts';
import type { VideoParts } from './video/parts.ts';
import { videoRoutes } from './video/routes.ts';
import { instanceRoutes } from './workloads/instance-routes.ts';
import { workloadRoutes } from './workloads/routes.ts';

/** The control API: one line for each noun, one place where errors become answers. Videos need a gateway beside it. */
export function createApp(context: Context & { videos?: VideoParts }, isDraining: () => boolean): App {
  const app: App = new Hono<{ Variables: Variables }>();

  app.use(async (c, next) => {
    const requestId = newId('req');
    c.set('requestId', requestId);
    await next();
    c.header('x-request-id', requestId);
    c.header('x-ecolink-request-id', requestId);
    c.header('x-ecolink-version', packageVersion);
  });

  healthRoutes(app, { db: context.db, isDraining });
  accountRoutes(app, context);
  keyRoutes(app, context);
  modelRoutes(app, context);
  instanceRoutes(app, context);
  aliasRoutes(app, context);
  workloadRoutes(app, context);
  catalogRoutes(app, context);
  servedModelRoutes(app, context);
  if (context.videos) videoRoutes(app, context, context.videos);
  billingRoutes(app, context);
  regionRoutes(app, context);

  app.notFound(() => {
    throw new EcoError('not_found', 'No such endpoint. The reference lists all: docs/reference/openapi.json.');
  });
  app.onError((error, c) => {
    const requestId = c.get('requestId');
    if (error instanceof NotPriced) return c.body(error.body, error.status, { 'content-type': 'application/json' });
    const known = toEcoError(error);
    if (known.status >= 500)
      context.log.error({ err: error, request_id: requestId, path: c.req.path }, 'request failed');
    c.header('x-request-id', requestId);
    c.header('x-ecolink-request-id', requestId);
    if (known.retryAfter !== undefined) c.header('retry-after', String(Math.max(1, Math.ceil(known.retryAfter))));
    return c.json(known.toBody(requestId), known.status as 500);
  });
  return app;
}

/** What is not ours to explain leaves as `internal`: nothing of the inside is told. */
function toEcoError(error: unknown): EcoError {
  if (error instanceof EcoError) return error;
  return new EcoError('internal', 'Something went wrong on our side. It is logged under this request id.', {
    cause: error,
  });
}
