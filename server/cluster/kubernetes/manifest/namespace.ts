import type { KubeObject, Secret } from '../objects.ts';
import { accountLabelsOf, namespaceName } from './names.ts';
import type { Site } from './site.ts';

const QUOTA = 'ecolink';

/** An account's own corner of the cluster: what runs there may do little, and have no more GPUs than the region's budget. */
export function namespaceManifests(account_id: string, site: Site): KubeObject[] {
  const name = namespaceName(site.namespace_prefix, account_id);
  const labels = accountLabelsOf(site.installation, account_id);
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        labels: {
          ...labels,
          'pod-security.kubernetes.io/enforce': 'baseline',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: QUOTA, namespace: name, labels },
      spec: { hard: hardOf(site) },
    } as KubeObject,
  ];
}

/** A copy of the operator's, for the account's pods. */
export const pullSecretManifest = ({ metadata, type, data }: Secret, account_id: string, site: Site): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: metadata.name,
    namespace: namespaceName(site.namespace_prefix, account_id),
    labels: accountLabelsOf(site.installation, account_id),
  },
  type,
  data,
});

/** The sum of the budgets, by resource: the backstop for a fault of ours. */
function hardOf({ offers }: Site): Record<string, string> {
  const budgets = new Map<string, number>();
  for (const { resource, budget } of offers)
    budgets.set(resource, (budgets.get(resource) ?? 0) + (budget ?? Number.POSITIVE_INFINITY));
  return Object.fromEntries(
    [...budgets]
      .filter(([, budget]) => Number.isFinite(budget))
      .map(([resource, budget]) => [`requests.${resource}`, String(budget)]),
  );
}
