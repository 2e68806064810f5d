import { whyNoRigHere } from './binary.ts';

/** Kubeconfigs of clusters to test on instead of the rig: `a.yaml,b.yaml`. */
export const otherKubeconfigs = (): string[] => (process.env.ECO_TEST_KUBECONFIGS ?? '').split(',').filter(Boolean);

/** Why there is no Kubernetes to test on; undefined where there is. */
export const whyNoKube = (): string | undefined => (otherKubeconfigs().length > 0 ? undefined : whyNoRigHere());

/** Why what only the rig can do is left out: faults, stopped and frozen components, simulated replicas. */
export const whyNoRig = (): string | undefined =>
  otherKubeconfigs().length > 0
    ? 'needs the rig: on the clusters of ECO_TEST_KUBECONFIGS nothing is stopped or broken'
    : whyNoRigHere();
