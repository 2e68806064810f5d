/** How a rig is made. It keeps them: a later `up` on the same folder changes only the owner. */
export interface RigOptions {
  /** How many, or their names: `eu-1,us-2`. */
  regions: string;
  /** In each region: `<type>:<gpus>x<count>,…`. */
  nodes: string;
  /** In each region, nodes faked by kwok: pods on them are ready at once and run nothing. */
  scaleNodes: number;
  /** In each region, ReadWriteMany volumes of the class `shared`. */
  volumes: number;
  /** Taints GPU nodes `nvidia.com/gpu=present:NoSchedule`. */
  taint: boolean;
  /** `<image pattern>=<shell command>`; in it `"$@"` is the pod's command and arguments. */
  run: readonly string[];
  /** `isolated`: addresses that are not loopback, in a network namespace only. */
  podNet: 'loopback' | 'isolated';
  crashBackoffMax: string;
  /** How long a silent node stays Ready. */
  nodeGrace: string;
  /** Seconds until pods of a lost node are evicted. */
  toleration: number;
  /** A pid: everything ends with it. 0: it stays until `down`. */
  owner: number;
}

export const DEFAULTS: RigOptions = {
  regions: '2',
  nodes: 'h100:8x2',
  scaleNodes: 0,
  volumes: 4,
  taint: false,
  run: [],
  podNet: 'loopback',
  crashBackoffMax: '300s',
  nodeGrace: '12s',
  toleration: 300,
  owner: 0,
};

const REGION_NAMES = ['eu-1', 'us-2', 'ap-3', 'sa-4', 'me-5', 'af-6'];

export const regionNames = (regions: string): string[] =>
  /^\d+$/.test(regions) ? REGION_NAMES.slice(0, Number(regions)) : regions.split(',');
