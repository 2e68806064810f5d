import { z } from 'zod';
import { Amount } from '../../../sdk/contract/index.ts';
import { FilesystemName, FolderPath } from '../filesystem.ts';
import type { KubeSource } from './client/credentials.ts';
import type { Site } from './manifest/site.ts';

const SUBDOMAIN = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*';
const WORD = '[A-Za-z0-9]([\\w.-]{0,61}[A-Za-z0-9])?';
const spelled = (pattern: string, what: string) =>
  z
    .string()
    .max(317)
    .regex(new RegExp(`^${pattern}$`), what);
const labelName = spelled(`(?=[^/]{1,253}/|[^/]+$)(${SUBDOMAIN}/)?${WORD}`, 'must be the name of a label');
const labelValue = spelled(`(${WORD})?`, 'must be the value of a label');
const resourceName = spelled(`(?=[^/]{1,244}/)${SUBDOMAIN}/${WORD}`, 'must be like "nvidia.com/gpu"');
const dnsSubdomain = spelled(`(?=.{1,253}$)${SUBDOMAIN}`, 'must be the name of an object');
const dnsName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'must be lower-case letters, digits and "-"');

const GpuOffer = z.strictObject({
  type: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be lower-case letters, digits and "-"')
    .describe('As launches name it: `h100`.'),
  price_per_hour: Amount.describe('Dollars per GPU and hour.'),
  budget: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('GPUs that the platform may use here; without it as many as there are.'),
  node_labels: z
    .record(labelName, z.union([labelValue, z.array(labelValue).min(1)]))
    .refine((labels) => Object.keys(labels).length > 0, 'must name a label')
    .describe('Labels that all nodes with this GPU have; of several values, any.'),
  resource: resourceName.default('nvidia.com/gpu').describe("What the nodes' device plugin calls it."),
  cpu: z
    .string()
    .regex(/^[1-9]\d{0,6}m?$/, 'must be like "8" or "500m"')
    .optional()
    .describe('CPU requested for each GPU.'),
  memory_gib: z.int().min(1).max(1_000_000).optional().describe('Memory requested, and allowed, for each GPU.'),
});

const Toleration = z
  .strictObject({
    key: labelName.optional().describe('Of the taint.'),
    operator: z.enum(['Exists', 'Equal']).optional().describe('As in Kubernetes.'),
    value: labelValue.optional().describe('Of the taint.'),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional().describe('Of the taint.'),
  })
  .refine(({ key, operator }) => key !== undefined || operator === 'Exists', {
    path: ['operator'],
    message: 'must be Exists where there is no key: any taint is tolerated then',
  })
  .refine(({ operator, value }) => operator !== 'Exists' || !value, {
    path: ['value'],
    message: 'must not be given where operator is Exists',
  });

const OF_CONTAINERS = /^\/(dev|etc|proc|sys|tmp)(\/|$)/;

const Filesystem = z
  .strictObject({
    name: FilesystemName.describe('As models name it.'),
    mount: FolderPath.refine((path) => !OF_CONTAINERS.test(path), 'must not be a folder that containers have already')
      .refine((path) => !path.includes(':'), 'must not hold ":"')
      .describe('The folder in containers.'),
    size_gib: z.int().min(1).max(1_000_000).describe('Of each account.'),
    storage_class: dnsSubdomain.optional().describe('Makes a volume for each account, or is that of the volume.'),
    volume: dnsSubdomain.optional().describe('A PersistentVolume that is there already.'),
    account: z.string().min(1).max(80).optional().describe('Id of the account whose volume it is.'),
  })
  .refine(({ storage_class, volume }) => storage_class !== undefined || volume !== undefined, {
    path: ['storage_class'],
    message: 'must be given, or volume',
  })
  .refine(({ volume, account }) => (volume === undefined) === (account === undefined), {
    path: ['account'],
    message: 'must be given where volume is, and nowhere else: one account alone can bind a volume',
  });

const isOncePerMount = (filesystems: readonly { mount: string }[]) =>
  new Set(filesystems.map(({ mount }) => mount)).size === filesystems.length;

/** A region of `ecolink.yaml` that is a Kubernetes cluster. */
export const KubernetesRegionConfig = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,39}$/, 'must begin with a lower-case letter and hold at most 40 of a-z, 0-9 and "-"')
      .describe('As launches and answers name it.'),
    kind: z.literal('kubernetes').describe('Pods of a cluster.'),
    kubeconfig: z.string().min(1).optional().describe('A file; relative to where the server was started.'),
    context: z.string().min(1).optional().describe('Of the kubeconfig; without it the current one.'),
    in_cluster: z
      .literal(true)
      .optional()
      .describe('In place of a kubeconfig: the cluster that the server itself runs in, as its ServiceAccount.'),
    namespace_prefix: dnsName.default('eco').describe('Namespaces are `<prefix>-<account>`, and `<prefix>-system`.'),
    gpus: z.array(GpuOffer).min(1).max(32).describe('What it offers.'),
    filesystems: z
      .array(Filesystem)
      .max(32)
      .refine(isOncePerMount, 'must have a mount each')
      .default([])
      .describe('Where accounts keep weights of their own.'),
    tolerations: z
      .array(Toleration)
      .max(32)
      .default([])
      .describe('Of taints of GPU nodes; a taint named like the GPU resource is tolerated without.'),
    image_pull_secrets: z
      .array(dnsSubdomain)
      .max(16)
      .default([])
      .describe(
        'Secrets of the type `kubernetes.io/dockerconfigjson` in the namespace `<namespace_prefix>-system`, of which each account gets a copy.',
      ),
    runtime_class: dnsSubdomain.optional().describe('RuntimeClass of pods, `nvidia` say.'),
    gateway: z
      .strictObject({
        namespace_labels: z
          .record(labelName, labelValue)
          .optional()
          .describe('Of the namespace that the gateway runs in.'),
        cidrs: z.array(z.cidrv4().or(z.cidrv6())).max(64).default([]).describe('Addresses that it comes from.'),
      })
      .default({ cidrs: ['0.0.0.0/0'] })
      .describe('Who may reach replicas: the gateway, by labels or by addresses.'),
  })
  .refine(({ kubeconfig, in_cluster }) => (kubeconfig === undefined) !== (in_cluster === undefined), {
    path: ['kubeconfig'],
    message: 'must be given, or in_cluster: true instead',
  });
export type KubernetesRegionConfig = z.output<typeof KubernetesRegionConfig>;

export const sourceOf = ({ kubeconfig, context }: KubernetesRegionConfig): KubeSource =>
  kubeconfig === undefined ? { in_cluster: true } : { kubeconfig, context };

export const siteOf = (config: KubernetesRegionConfig, installation: string): Site => ({
  installation,
  namespace_prefix: config.namespace_prefix,
  offers: config.gpus,
  filesystems: config.filesystems,
  tolerations: config.tolerations,
  image_pull_secrets: config.image_pull_secrets,
  runtime_class: config.runtime_class,
  gateway: config.gateway,
});
