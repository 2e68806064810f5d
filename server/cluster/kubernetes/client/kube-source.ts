/** Where a region's API server and credentials are written. */
export type KubeSource = { kubeconfig: string; context?: string | undefined } | { in_cluster: true };
