import { addFault, clearFaults, type Fault, killPod } from './faults.ts';
import { kubectl, startKubectl } from './kubectl.ts';
import { pause, resume, start, stop } from './rig.ts';
import { issueToken, type ServiceAccount, tokenKubeconfig } from './tokens.ts';

/** What can be done to one region of a rig, and to no other cluster. */
export class RegionRig {
  readonly dir: string;
  readonly region: string;

  constructor(dir: string, region: string) {
    this.dir = dir;
    this.region = region;
  }

  /** Ends a component: `etcd`, `kube-apiserver`, …, or a node, which is a machine crash. */
  stop = (component: string, options?: { force?: boolean }) => stop(this.dir, this.region, component, options);
  start = (component: string) => start(this.dir, this.region, component);
  /** Freezes it: connections hang. */
  pause = (component: string) => pause(this.dir, this.region, component);
  resume = (component: string) => resume(this.dir, this.region, component);
  addFault = (rule: Fault) => addFault(this.dir, this.region, rule);
  clearFaults = () => clearFaults(this.dir, this.region);
  killPod = (pod: string, reason: 'Error' | 'OOMKilled' = 'Error') => killPod(this.dir, this.region, { pod, reason });
  token = (account: ServiceAccount & { seconds?: number }) => issueToken(this.dir, this.region, account);
  tokenKubeconfig = (account: ServiceAccount) => tokenKubeconfig(this.dir, this.region, account);
  kubectl = (...args: string[]) => kubectl(this.dir, this.region, args, { timeout: KUBECTL_TIMEOUT_MS });
  startKubectl = (...args: string[]) => startKubectl(this.dir, this.region, args);
}

const KUBECTL_TIMEOUT_MS = 30_000;
