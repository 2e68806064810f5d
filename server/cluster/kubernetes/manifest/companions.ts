import type { Deployment } from '../../driver.ts';
import type { KubeObject } from '../objects.ts';
import { PORT } from './deployment.ts';
import { labelsOf, namespaceName, objectName, selectorOf } from './names.ts';
import type { Site } from './site.ts';

/** What stands beside a Deployment under the same name; `owner` makes the cluster remove it with the Deployment. */
export function companionManifests(wanted: Deployment, site: Site, owner: OwnerReference | undefined): KubeObject[] {
  const identity = { ...wanted, installation: site.installation };
  const metadata = {
    name: objectName(site.installation, wanted.workload_id),
    namespace: namespaceName(site.namespace_prefix, wanted.account_id),
    labels: labelsOf(identity),
    ...(owner && { ownerReferences: [owner] }),
  };
  const selector = selectorOf(identity);
  const port = wanted.port ?? PORT;
  return [
    service(metadata, selector, port),
    networkPolicy(metadata, selector, { port, gateway: site.gateway }),
    ...(wanted.replicas > 1 ? [disruptionBudget(metadata, selector)] : []), // of one it would only block drains
  ];
}

/** Has to be there before the pods that read it. */
export function secretManifest(wanted: Deployment, site: Site): KubeObject | undefined {
  if (Object.keys(wanted.secrets).length === 0) return undefined;
  const metadata = {
    name: objectName(site.installation, wanted.workload_id),
    namespace: namespaceName(site.namespace_prefix, wanted.account_id),
    labels: labelsOf({ ...wanted, installation: site.installation }),
  };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', stringData: wanted.secrets } as KubeObject;
}

export interface OwnerReference {
  apiVersion: 'apps/v1';
  kind: 'Deployment';
  name: string;
  uid: string;
  controller?: boolean;
}

const service = (metadata: KubeObject['metadata'], selector: Record<string, string>, port: number) =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      clusterIP: 'None',
      selector,
      publishNotReadyAddresses: true,
      ports: [{ name: 'http', port, targetPort: 'http', protocol: 'TCP' }],
    },
  }) as KubeObject;

const disruptionBudget = (metadata: KubeObject['metadata'], matchLabels: Record<string, string>) =>
  ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata,
    spec: { maxUnavailable: 1, selector: { matchLabels } },
  }) as KubeObject;

/** Only the gateway gets in, and only at the one port. */
function networkPolicy(
  metadata: KubeObject['metadata'],
  matchLabels: Record<string, string>,
  { port, gateway }: { port: number; gateway: Site['gateway'] },
): KubeObject {
  const from = [
    ...(gateway.namespace_labels ? [{ namespaceSelector: { matchLabels: gateway.namespace_labels } }] : []),
    ...gateway.cidrs.map((cidr) => ({ ipBlock: { cidr } })),
  ];
  const ingress = from.length > 0 ? [{ from, ports: [{ port, protocol: 'TCP' }] }] : [];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: { podSelector: { matchLabels }, policyTypes: ['Ingress'], ingress },
  } as KubeObject;
}
