import { ApiError, isNotFound } from './client/api-error.ts';
import { apply } from './client/apply.ts';
import type { Connection } from './client/connection.ts';
import { collectionPath, objectPath } from './client/resources.ts';
import { labelNames, objectPrefix, systemNamespace } from './manifest/names.ts';
import type { Site } from './manifest/site.ts';
import type { KubeObject } from './objects.ts';

/** What a server is that shares neither the secrets nor the data of the one that made a region's objects. */
export class Impostor extends Error {
  override name = 'Impostor';
}

interface Pin extends KubeObject {
  data?: { identity?: string };
}

/**
 * Pins who this installation is in the region, or finds it pinned. Throws `Impostor` where somebody else's identity
 * stands under its id: then its database is a copy, and what runs in the region is not its own.
 */
export async function claimRegion(
  connection: Connection,
  site: Pick<Site, 'installation' | 'namespace_prefix'>,
  { identity, signal }: { identity: string; signal?: AbortSignal },
): Promise<void> {
  const metadata = {
    name: objectPrefix(site.installation),
    namespace: systemNamespace(site.namespace_prefix),
    labels: { 'app.kubernetes.io/managed-by': 'ecolink', [labelNames.installation]: site.installation },
  };
  const pin =
    (await find(connection, metadata, signal)) ?? (await make(connection, { metadata, data: { identity } }, signal));
  if (pin.data?.identity !== identity) throw new Impostor(refusal(metadata));
}

const refusal = ({ name, namespace }: KubeObject['metadata']) =>
  `it belongs to another server, of which this one has a copy of the database: ConfigMap ${namespace}/${name} pins another identity. If that server is gone for good, remove the ConfigMap`;

async function find(
  connection: Connection,
  metadata: KubeObject['metadata'],
  signal?: AbortSignal,
): Promise<Pin | undefined> {
  try {
    return await connection.json<Pin>(objectPath('ConfigMap', metadata), { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Of several servers that start at once one makes it; the others find it. */
async function make(connection: Connection, pin: Pin, signal?: AbortSignal): Promise<Pin> {
  const { namespace = '', labels } = pin.metadata;
  const { 'app.kubernetes.io/managed-by': managed = '' } = labels ?? {};
  await apply(connection, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'app.kubernetes.io/managed-by': managed } },
  });
  try {
    return await connection.json<Pin>(collectionPath('ConfigMap', namespace), { method: 'POST', body: pin, signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    return connection.json<Pin>(objectPath('ConfigMap', pin.metadata), { signal });
  }
}
