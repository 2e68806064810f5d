import { FIELD_MANAGER } from '../manifest/names.ts';
import type { KubeObject } from '../objects.ts';
import { isNotFound } from './api-error.ts';
import type { Connection } from './connection.ts';
import { type Kind, objectPath } from './resources.ts';

/** Server-side apply: what is named here becomes so, what we named before and do not now is removed, the rest stays. */
export function apply<T extends KubeObject>(
  connection: Connection,
  object: KubeObject,
  { dryRun = false, signal }: { dryRun?: boolean; signal?: AbortSignal } = {},
): Promise<T> {
  return connection.json<T>(objectPath(object.kind as Kind, object.metadata), {
    method: 'PATCH',
    contentType: 'application/apply-patch+yaml',
    query: { fieldManager: FIELD_MANAGER, force: true, dryRun: dryRun ? 'All' : undefined },
    body: object,
    signal,
  });
}

/** Removes an object of this uid, if there is one; in the foreground what belongs to it goes first. */
export async function remove(
  connection: Connection,
  kind: Kind,
  metadata: Pick<KubeObject['metadata'], 'name' | 'namespace' | 'uid'>,
  { graceSeconds, signal }: { graceSeconds?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const body = {
    propagationPolicy: 'Foreground',
    ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
    ...(metadata.uid !== undefined && { preconditions: { uid: metadata.uid } }),
  };
  try {
    await connection.json(objectPath(kind, metadata), { method: 'DELETE', body, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
