import type { KubeObject } from '../objects.ts';

interface Resource {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  api: string;
  plural: string;
  isNamespaced: boolean;
}

const core = (plural: string, isNamespaced = true): Resource => ({ api: '/api/v1', plural, isNamespaced });
const group = (name: string, plural: string): Resource => ({ api: `/apis/${name}/v1`, plural, isNamespaced: true });

/** The kinds that we read or make. */
export const resources = {
  Namespace: core('namespaces', false),
  Node: core('nodes', false),
  Pod: core('pods'),
  Secret: core('secrets'),
  Service: core('services'),
  ConfigMap: core('configmaps'),
  Event: core('events'),
  ResourceQuota: core('resourcequotas'),
  PersistentVolumeClaim: core('persistentvolumeclaims'),
  Deployment: group('apps', 'deployments'),
  ReplicaSet: group('apps', 'replicasets'),
  PodDisruptionBudget: group('policy', 'poddisruptionbudgets'),
  NetworkPolicy: group('networking.k8s.io', 'networkpolicies'),
} as const satisfies Record<string, Resource>;

export type Kind = keyof typeof resources;

/** All of a kind, in one namespace or everywhere. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const { api, plural, isNamespaced } = resources[kind];
  return isNamespaced && namespace !== undefined ? `${api}/namespaces/${namespace}/${plural}` : `${api}/${plural}`;
}

export const objectPath = (kind: Kind, { name, namespace }: KubeObject['metadata']): string =>
  `${collectionPath(kind, namespace)}/${name}`;
