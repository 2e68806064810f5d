/** A GPU type as a region has it. */
export interface GpuOffer {
  type: string;
  price_per_hour: string;
  /** GPUs that the platform may use here; undefined: as many as there are. */
  budget?: number | undefined;
  /** Node labels that all of its nodes have, like `nvidia.com/gpu.product`. Several values: any of them. */
  node_labels: Record<string, string | string[]>;
  /** The extended resource. */
  resource: string;
  /** For each GPU, where the region sets them. */
  cpu?: string | undefined;
  memory_gib?: number | undefined;
}

export interface Toleration {
  key?: string | undefined;
  operator?: 'Exists' | 'Equal' | undefined;
  value?: string | undefined;
  effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' | undefined;
}

/** What a claim of an account is made from. */
export interface SiteFilesystem {
  name: string;
  /** The folder in containers. */
  mount: string;
  size_gib: number;
  /** Makes a volume for each account, or is that of the volume. */
  storage_class?: string | undefined;
  /** A PersistentVolume that is there already: one claim binds it, so one account has it. */
  volume?: string | undefined;
  account?: string | undefined;
}

/** What manifests need to know of the region and the installation. */
export interface Site {
  installation: string;
  namespace_prefix: string;
  offers: readonly GpuOffer[];
  filesystems: readonly SiteFilesystem[];
  tolerations: readonly Toleration[];
  image_pull_secrets: readonly string[];
  runtime_class?: string | undefined;
  /** Where the gateway's connections come from: labels of its pods, or address ranges. */
  gateway: { namespace_labels?: Record<string, string> | undefined; cidrs: readonly string[] };
}
