import type { KubeObject } from '../objects.ts';
import { accountLabelsOf, claimName, labelNames, namespaceName } from './names.ts';
import type { Site, SiteFilesystem } from './site.ts';

/** An account's own part of a filesystem. It outlives workloads: only who owns the data removes it. */
export function claimManifest(filesystem: SiteFilesystem, account_id: string, site: Site): KubeObject {
  const { name, size_gib, storage_class = '', volume } = filesystem; // no class: else the cluster's default one
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(name),
      namespace: namespaceName(site.namespace_prefix, account_id),
      labels: { ...accountLabelsOf(site.installation, account_id), [labelNames.filesystem]: name },
    },
    spec: {
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: `${size_gib}Gi` } },
      storageClassName: storage_class,
      ...(volume !== undefined && { volumeName: volume }),
    },
  } as KubeObject;
}
