import { until } from '../until.ts';
import { type Api, ApiFailure } from './api.ts';

const POD_TIMEOUT_MS = 45_000;

type Fields = Record<string, unknown>;

/** A pod of one container `server` that listens on 8000 and is soon found ready. */
export const podManifest = (name: string, image: string, container: Fields = {}, spec: Fields = {}) => ({
  metadata: { name, labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 2,
    containers: [
      {
        name: 'server',
        image,
        ports: [{ containerPort: 8000 }],
        readinessProbe: { httpGet: { path: '/health', port: 8000 }, periodSeconds: 1 },
        ...container,
      },
    ],
    ...spec,
  },
});

/** A pod that runs a shell script of its own. */
export const scriptPod = (name: string, script: string) =>
  podManifest(name, 'local/sh', { command: ['sh', '-c', script], readinessProbe: undefined });

export const gpus = (count: number) => ({ resources: { limits: { 'nvidia.com/gpu': String(count) } } });

interface ContainerStatus {
  restartCount: number;
  state: { waiting?: { reason: string; message: string }; running?: object };
  lastState: { terminated?: { exitCode: number; reason: string } };
}

export interface PodObject {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: {
    podIP: string;
    reason?: string;
    conditions?: { type: string; status: string; reason?: string; message: string }[];
    containerStatuses?: ContainerStatus[];
  };
}

/** Pods of one namespace, as tests ask about them. */
export class Pods {
  readonly #api: Api;
  readonly path: string;
  readonly namespace: string;

  constructor(api: Api, namespace: string) {
    this.#api = api;
    this.namespace = namespace;
    this.path = `/api/v1/namespaces/${namespace}/pods`;
  }

  create(manifest: ReturnType<typeof podManifest>): Promise<PodObject> {
    return this.#api('POST', this.path, manifest);
  }

  get(name: string): Promise<PodObject> {
    return this.#api('GET', `${this.path}/${name}`);
  }

  remove(name: string): Promise<void> {
    return this.#api('DELETE', `${this.path}/${name}`);
  }

  /** The pod, once it is so. */
  async until(name: string, what: string, isSo: (pod: PodObject) => unknown): Promise<PodObject> {
    const ask = async () => {
      const pod = await this.get(name);
      return isSo(pod) ? pod : undefined;
    };
    return until(`${name} ${what}`, ask, POD_TIMEOUT_MS);
  }

  ready(name: string): Promise<PodObject> {
    return this.until(name, 'is ready', isReady);
  }

  async gone(name: string): Promise<void> {
    const ask = () =>
      this.get(name).then(
        () => false,
        (error) => error instanceof ApiFailure && error.status === 404,
      );
    await until(`${name} is gone`, ask, POD_TIMEOUT_MS);
  }

  async hasEvent(name: string, reason: string, text: RegExp): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/events?fieldSelector=involvedObject.name=${name}`;
    const ask = async () => {
      const { items }: { items: { reason: string; message: string }[] } = await this.#api('GET', path);
      return items.some((event) => event.reason === reason && text.test(event.message));
    };
    await until(`event ${reason} ${text} of ${name}`, ask, POD_TIMEOUT_MS);
  }
}

export const isReady = ({ status }: PodObject): boolean =>
  (status.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

export const isLeaving = ({ metadata }: PodObject): boolean => metadata.deletionTimestamp !== undefined;

export const containerOf = ({ status }: PodObject): ContainerStatus | undefined => status.containerStatuses?.[0];
