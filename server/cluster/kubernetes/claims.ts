import type { Deployment } from '../driver.ts';
import { isNotFound } from './client/api-error.ts';
import { apply } from './client/apply.ts';
import type { Connection } from './client/connection.ts';
import { objectPath } from './client/resources.ts';
import { claimManifest } from './manifest/claim.ts';
import type { Site } from './manifest/site.ts';
import type { KubeObject } from './objects.ts';

/**
 * Makes the claims of what a deployment mounts. One that is there stays as it is, whoever made it; one whose filesystem
 * is not configured any more is not made anew.
 */
export async function makeClaims(
  connection: Connection,
  { account_id, mounts }: Pick<Deployment, 'account_id' | 'mounts'>,
  { site, signal }: { site: Site; signal: AbortSignal },
): Promise<void> {
  for (const { filesystem } of mounts) {
    const found = site.filesystems.find(
      ({ name, account = account_id }) => name === filesystem && account === account_id,
    );
    const claim = found && claimManifest(found, account_id, site);
    if (claim && !(await isThere(connection, claim, signal))) await apply(connection, claim, { signal });
  }
}

async function isThere(connection: Connection, { metadata }: KubeObject, signal: AbortSignal): Promise<boolean> {
  try {
    await connection.json(objectPath('PersistentVolumeClaim', metadata), { signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
