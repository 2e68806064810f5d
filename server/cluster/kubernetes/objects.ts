/** What we read of Kubernetes' objects, as its API writes them in JSON. Times are RFC 3339. */
export interface Meta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: Meta;
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface Waiting {
  reason?: string;
  message?: string;
}

export interface Terminated {
  exitCode: number;
  signal?: number;
  reason?: string;
  /** The last lines of its log, where it wrote nothing else. */
  message?: string;
  startedAt?: string;
  finishedAt?: string;
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  image?: string;
  state?: { waiting?: Waiting; running?: { startedAt?: string }; terminated?: Terminated };
  lastState?: { terminated?: Terminated };
}

export interface Pod extends KubeObject {
  spec: {
    nodeName?: string;
    volumes?: { name: string; persistentVolumeClaim?: { claimName: string } }[];
    containers: {
      name: string;
      image?: string;
      ports?: { containerPort: number }[];
      env?: { name: string; value?: string }[];
      resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
    }[];
    initContainers?: { name: string; resources?: { requests?: Record<string, string> } }[];
  };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    podIP?: string;
    startTime?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
  status?: { allocatable?: Record<string, string>; capacity?: Record<string, string>; conditions?: Condition[] };
}

export interface Deployment extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; readyReplicas?: number; observedGeneration?: number; conditions?: Condition[] };
}

export interface Secret extends KubeObject {
  type: string;
  data: Record<string, string>;
}

export interface ReplicaSet extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; conditions?: Condition[] };
}

export interface KubeEvent extends KubeObject {
  involvedObject: { kind?: string; name?: string; uid?: string };
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  series?: { count?: number; lastObservedTime?: string };
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
}
