import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { apiOf, createOnce } from './api.ts';
import type { Region, RigState } from './state.ts';

/** What a CSI driver would make: folders of this machine, that pods on all nodes of a region share. */
export async function createVolumes({ options }: RigState, region: Region): Promise<void> {
  if (options.volumes === 0) return;
  const api = apiOf(region);
  const storageClass = { metadata: { name: 'shared' }, provisioner: 'kubernetes.io/no-provisioner' };
  await createOnce(api, '/apis/storage.k8s.io/v1/storageclasses', storageClass);
  for (let index = 1; index <= options.volumes; index++) {
    const name = `shared-${region.name}-${index}`;
    const path = join(region.dir, 'volumes', name);
    mkdirSync(path, { recursive: true });
    await createOnce(api, '/api/v1/persistentvolumes', {
      metadata: { name },
      spec: {
        capacity: { storage: '1Ti' },
        accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
        storageClassName: 'shared',
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path },
      },
    });
  }
}
