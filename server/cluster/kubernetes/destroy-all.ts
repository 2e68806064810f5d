import { remove } from './client/apply.ts';
import type { Connection } from './client/connection.ts';
import { listAll } from './client/list.ts';
import { collectionPath } from './client/resources.ts';
import type { KubeObject } from './objects.ts';

/** Removes all that has these labels, without grace. */
export async function destroyAll(connection: Connection, labelSelector: string): Promise<void> {
  for (const kind of DESTROYED) {
    const { items } = await listAll<KubeObject>(connection, collectionPath(kind), { labelSelector });
    for (const { metadata } of items) await remove(connection, kind, metadata, { graceSeconds: 0 });
  }
}

/** Owners first. Secrets go with their Deployment: who may list them may read all of the cluster's. */
const DESTROYED = ['Deployment', 'ReplicaSet', 'Pod', 'Service', 'NetworkPolicy', 'PodDisruptionBudget'] as const;
