import type { LogLine, Offer, Reason, ReplicaState } from '../../sdk/contract/index.ts';

/** What one workload should have in one region. Made afresh from its row on every pass, applied as often as the loop likes. */
export interface Deployment {
  workload_id: number;
  /** Random, beside the id: nothing without it is ever adopted or removed. */
  uid: string;
  account_id: string;
  name: string;
  region: string;
  generation: number;
  replicas: number;
  image: string;
  /** Program and arguments in place of what the image starts. */
  command: string[] | null;
  args: string[];
  env: Record<string, string>;
  secrets: Record<string, string>;
  gpu: { type: string; count: number };
  /** Where the container listens; null: the driver's choice, told in PORT. */
  port: number | null;
  /** Asked over HTTP: 2xx or 3xx is ready, and so is 404 (a server without that path). */
  health_path: string;
  startup_seconds: number;
  /** How long a replica that was told to stop may finish its requests. */
  grace_seconds: number;
}

/** What a driver saw of one replica, now. A replica keeps its GPUs from `started_at` until `ended_at`, over restarts of its process. */
export interface Evidence {
  /** Unique for ever, like `142-local-a-7x3k`. */
  id: string;
  workload_id: number;
  region: string;
  node: string | null;
  state: ReplicaState;
  reason: Reason;
  message: string;
  restarts: number;
  /** Unix milliseconds of restarts, newest last, at most 10. */
  restarted_at: number[];
  pid: number | null;
  address: string | null;
  generation: number;
  started_at: number | null;
  ready_at: number | null;
  ended_at: number | null;
  exit_code: number | null;
}

export interface LogQuery {
  /** One replica by id; default all of the workload. */
  replica?: string | undefined;
  tail: number;
  /** Unix milliseconds. */
  since: number;
  follow: boolean;
  previous: boolean;
}

/**
 * What runs replicas in one region: the seam between the loop and Kubernetes or local processes.
 * Every method has a deadline of its own and throws `RegionUnreachable` when the region cannot be asked;
 * that never means that replicas are gone.
 */
export interface ClusterDriver extends AsyncDisposable {
  readonly region: string;
  readonly kind: 'local' | 'kubernetes';
  offers(): Promise<Offer[]>;
  /** Declares what should run; returns when the region has taken note, not when it is done. `replicas: 0` stops all. */
  apply(deployment: Deployment): Promise<void>;
  /** All replicas of the workload, with those that ended until `forget`. */
  observe(workload: { workload_id: number; uid: string }): Promise<Evidence[]>;
  /** Uids of all workloads of this installation that have a replica here: the sweep compares them with the rows. */
  list(): Promise<{ workload_id: number; uid: string }[]>;
  /** Ends without notice or grace what has no row any more. */
  destroy(workload: { workload_id: number; uid: string }): Promise<void>;
  /** Lines with the values of the deployment's secrets masked, also after it ended. */
  logs(workload: { workload_id: number; uid: string }, query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine>;
  /** Called with the id of a workload of which something changed. Returns what ends the subscription. */
  onChange(listener: (workload_id: number) => void): () => void;
}

export class RegionUnreachable extends Error {
  override name = 'RegionUnreachable';
  readonly region: string;
  constructor(region: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.region = region;
  }
}
