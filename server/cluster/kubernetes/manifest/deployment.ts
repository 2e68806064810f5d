import { createHash } from 'node:crypto';
import { engineOfWorkload } from '../../../workloads/engines/index.ts';
import type { Deployment } from '../../driver.ts';
import type { KubeObject } from '../objects.ts';
import { CONTAINER, claimName, labelsOf, namespaceName, objectName, SPEC_HASH, selectorOf } from './names.ts';
import { probesOf } from './probes.ts';
import type { GpuOffer, Site } from './site.ts';

/** Port of a container that has not said its own; told in PORT. */
export const PORT = 8000;
/** Pods leave the gateway's rotation within this time of being deleted; until then they take requests. */
const PRE_STOP_SECONDS = 5;
/** Between the startup budget and the day on which Kubernetes itself calls a rollout late. */
const PROGRESS_MARGIN_SECONDS = 600;

/** The workload's pods in one region. Everything that is not said here is the cluster's default. */
export function deploymentManifest(wanted: Deployment, offer: GpuOffer, site: Site): KubeObject & { spec: object } {
  const owner = { ...wanted, installation: site.installation };
  const labels = labelsOf(owner);
  const template = podTemplate(wanted, offer, site);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: objectName(site.installation, wanted.workload_id),
      namespace: namespaceName(site.namespace_prefix, wanted.account_id),
      labels,
    },
    spec: {
      replicas: wanted.replicas,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: wanted.startup_seconds + PROGRESS_MARGIN_SECONDS,
      strategy: strategyOf(wanted),
      selector: { matchLabels: selectorOf(owner) },
      template: {
        metadata: { labels, annotations: { [SPEC_HASH]: hashOf(template, wanted.secrets) } },
        spec: template,
      },
    },
  };
}

/** GPUs are scarce: a rollout makes room before it starts anew. */
const strategyOf = ({ replicas }: Deployment) =>
  replicas > 1 ? { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } : { type: 'Recreate' };

function podTemplate(wanted: Deployment, offer: GpuOffer, site: Site) {
  const { workload_id, grace_seconds } = wanted;
  const owner = { ...wanted, installation: site.installation };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false, // else a Service named vllm would set VLLM_PORT, which the engine reads
    terminationGracePeriodSeconds: PRE_STOP_SECONDS + grace_seconds,
    ...(site.runtime_class !== undefined && { runtimeClassName: site.runtime_class }),
    affinity: { nodeAffinity: affinityOf(offer) },
    tolerations: [{ key: offer.resource, operator: 'Exists', effect: 'NoSchedule' }, ...site.tolerations],
    ...(site.image_pull_secrets.length > 0 && {
      imagePullSecrets: site.image_pull_secrets.map((name) => ({ name })),
    }),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(owner) },
      },
    ],
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    containers: [containerOf(wanted, offer, objectName(site.installation, workload_id))],
    volumes: [
      { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: `${sharedMemoryGib(wanted)}Gi` } },
      { name: 'tmp', emptyDir: {} },
      ...wanted.mounts.map(({ filesystem }) => ({
        name: claimName(filesystem),
        persistentVolumeClaim: { claimName: claimName(filesystem) },
      })),
    ],
  };
}

function containerOf(wanted: Deployment, offer: GpuOffer, secretName: string) {
  const { image, engine, args, gpu } = wanted;
  const command = wanted.command ?? engineOfWorkload(engine).entry;
  const port = wanted.port ?? PORT;
  return {
    name: CONTAINER,
    image,
    imagePullPolicy: 'IfNotPresent',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...(command.length > 0 && { command }),
    ...(args.length > 0 && { args }),
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    env: environmentOf(wanted, port, secretName),
    resources: resourcesOf(gpu.count, offer, sharedMemoryGib(wanted)),
    ...probesOf(wanted),
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: [
      { name: 'shm', mountPath: '/dev/shm' },
      { name: 'tmp', mountPath: '/tmp' },
      ...wanted.mounts.map(({ filesystem, path, read_only }) => ({
        name: claimName(filesystem),
        mountPath: path,
        readOnly: read_only,
      })),
    ],
  };
}

/** What a launch cannot set: the probes ask at PORT, and each replica has a name of its own. */
const RESERVED = new Set(['PORT', 'ECO_REPLICA']);

/** Later ones may refer to earlier ones as `$(NAME)`, and arguments to all of them. Values of secrets stand only in the Secret. */
function environmentOf({ env, secrets, region, gpu, name, workload_id }: Deployment, port: number, secretName: string) {
  const own = {
    HOST: '0.0.0.0',
    PORT: String(port),
    ECO_REGION: region,
    ECO_GPU: gpu.type,
    ECO_WORKLOAD: `${name}:${workload_id}`,
  };
  const isGiven = (key: string) => !RESERVED.has(key);
  const given = Object.entries(env).filter(([key]) => isGiven(key));
  const plain = Object.entries({ ...own, ...Object.fromEntries(given) })
    .filter(([key]) => !isGiven(key) || !Object.hasOwn(secrets, key))
    .map(([key, value]) => ({ name: key, value }));
  const secret = Object.keys(secrets)
    .filter(isGiven)
    .map((key) => ({ name: key, valueFrom: { secretKeyRef: { name: secretName, key } } }));
  const replica = { name: 'ECO_REPLICA', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
  return [...plain, ...secret, replica];
}

/** GPUs are asked for by their limit; requests without limits elsewhere, so that nothing is throttled. */
function resourcesOf(gpus: number, { resource, cpu, memory_gib }: GpuOffer, sharedGib: number) {
  const memory = memory_gib === undefined ? undefined : `${memory_gib * gpus + sharedGib}Gi`;
  const requests = { ...(cpu !== undefined && { cpu: times(cpu, gpus) }), ...(memory !== undefined && { memory }) };
  return {
    limits: { [resource]: String(gpus), ...(memory !== undefined && { memory }) },
    requests: { [resource]: String(gpus), ...requests },
  };
}

/** `4` or `500m`, so many times. */
const times = (cpu: string, count: number) =>
  cpu.endsWith('m') ? `${Number.parseInt(cpu, 10) * count}m` : String(Number(cpu) * count);

const SHARED_GIB = { perGpu: 2, max: 16 };

/** Engines on several GPUs talk through it; Kubernetes' own 64 MB are too little. */
const sharedMemoryGib = ({ gpu }: Deployment) => Math.min(SHARED_GIB.perGpu * gpu.count, SHARED_GIB.max);

function affinityOf({ node_labels }: GpuOffer) {
  const matchExpressions = Object.entries(node_labels).map(([key, values]) => ({
    key,
    operator: 'In',
    values: [values].flat(),
  }));
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } };
}

/** Changes with all that needs new pods: also with a secret's value, which the template only names. */
function hashOf(template: object, secrets: Record<string, string>): string {
  const sorted = Object.entries(secrets).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([template, sorted]))
    .digest('hex')
    .slice(0, 16);
}
