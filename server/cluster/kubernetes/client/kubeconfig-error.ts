/** A region's way to its cluster is not there, or is not what the configuration says. */
export class KubeconfigError extends Error {
  override name = 'KubeconfigError';
  /** The setting of the region that is to be mended. */
  readonly field: 'kubeconfig' | 'context' | 'in_cluster';

  constructor(field: KubeconfigError['field'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}
