import type { Asked } from './proxy.ts';

const PARTS =
  /^\/(?:api|apis\/[^/]+)\/v1\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<plural>[a-z]+)(?:\/(?<name>[^/]+))?$/;

/** What is asked of a region for one workload or its account, like `PATCH secrets`; undefined for what is asked anyway. */
export function stepOf({ method, url, body }: Asked): string | undefined {
  const { namespace = '', plural, name } = PARTS.exec(url.pathname)?.groups ?? {};
  if (plural === undefined || namespace.endsWith('-system')) return undefined;
  const isOfOne = name !== undefined || url.searchParams.get('labelSelector')?.includes('/uid=');
  if (!isOfOne || url.searchParams.has('watch')) return undefined;
  const isPaused = plural === 'deployments' && method === 'PATCH' && JSON.parse(body).spec.paused === true;
  return `${method} ${plural}${isPaused ? ' (paused)' : ''}`;
}
