import type { Filesystem, LogLine, Offer, Reason, ReplicaState } from '../../sdk/contract/index.ts';

/** What one workload should have in one region. Made afresh from its row on every pass, applied as often as the loop likes. */
export interface Deployment extends WorkloadKey {
  account_id: string;
  name: string;
  region: string;
  generation: number;
  replicas: number;
  image: string;
  /** By name; `custom` where nothing is known of it. */
  engine: string;
  /** Program and arguments in place of what the image starts. */
  command: string[] | null;
  /** `$(HOST)` and `$(PORT)` stand for where the replica is to listen, as in Kubernetes; `$$(PORT)` is meant literally. */
  args: string[];
  env: Record<string, string>;
  secrets: Record<string, string>;
  gpu: { type: string; count: number };
  mounts: Mount[];
  /** Where the container listens; null: the driver's choice, told in PORT. */
  port: number | null;
  /** Asked over HTTP: 2xx or 3xx is ready, and so is 404 (a server without that path). */
  health_path: string;
  startup_seconds: number;
  /** How long a replica that was told to stop may finish its requests. */
  grace_seconds: number;
}

/** A filesystem of the region, as a replica has it. */
export interface Mount {
  filesystem: string;
  /** The folder in the container. */
  path: string;
  read_only: boolean;
}

/** A filesystem of a region and who may use it; null: every account, each with a part of its own. */
export interface OwnedFilesystem extends Filesystem {
  account_id: string | null;
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
  /** Trying again will not help: said by who knows more than the reason tells. */
  is_hopeless?: boolean;
  /** Stands for replicas that the region is about to make or refuses to make: it counts, but is none itself. */
  is_placeholder?: boolean;
  /** Its GPUs are not among the free ones any more, though it may not have started. */
  is_placed?: boolean;
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
  /** Why its last process ended, in a sentence, where that is known. */
  last_end?: string | undefined;
}

/** A workload as regions know it. */
export interface WorkloadKey {
  workload_id: number;
  /** Random, beside the id: nothing without it is ever adopted or removed. */
  uid: string;
}

/** A workload that a region is asked to tell about. */
export interface WorkloadAsked extends WorkloadKey {
  /** Values that nothing of what is told may show. */
  secrets: Readonly<Record<string, string>>;
}

export interface Look {
  /** Of the row: what the region said to an earlier one is over. */
  generation?: number;
  /** Asks the region itself, where what is known of it may be late. */
  isCertain?: boolean;
}

/** Something that a region tells about a workload, for its events: once for each key. */
export interface Notice {
  key: string;
  /** Unix milliseconds. */
  at: number;
  type: 'normal' | 'warning';
  reason: string;
  message: string;
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
  /** As configured: also while the region is silent. */
  filesystems(): readonly OwnedFilesystem[];
  /** Engines whose own program is there, so that no image is needed. */
  installedEngines(): readonly string[];
  /** Declares what should run; returns when the region has taken note, not when it is done. `replicas: 0` stops all. */
  apply(deployment: Deployment): Promise<void>;
  /** All replicas of the workload, with those that ended a while ago at most. */
  observe(workload: WorkloadAsked, look?: Look): Promise<Evidence[]>;
  /** What happened to the workload in the region and explains something, oldest first. */
  notices?(workload: WorkloadAsked): readonly Notice[];
  /** Uids of all workloads of this installation that have a replica here: the sweep compares them with the rows. */
  list(): Promise<WorkloadKey[]>;
  /** Ends without notice or grace what has no row any more. */
  destroy(workload: WorkloadKey): Promise<void>;
  /** Lines without the workload's secrets, also after it ended. */
  logs(workload: WorkloadAsked, query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine>;
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
