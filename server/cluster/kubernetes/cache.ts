import type { Connection } from './client/connection.ts';
import { collectionPath, type Kind } from './client/resources.ts';
import { watchAll } from './client/watch.ts';
import { labelNames } from './manifest/names.ts';
import { Memory } from './memory.ts';
import type { Deployment, KubeEvent, KubeObject, Node, Pod, ReplicaSet } from './objects.ts';

const EVENTS_PER_OBJECT_MAX = 30;
const OBJECTS_WITH_EVENTS_MAX = 5_000;

export interface CacheOptions {
  connection: Connection;
  installation: string;
  /** Told of each workload of this installation of which something changed. */
  onChange(workload_id: number): void;
  /** Told of each Deployment of this installation as it is now. */
  onDeployment?(deployment: Deployment): void;
  /** Told when a kind cannot be read any more. */
  onTrouble?(kind: Kind, error: unknown): void;
  clock(): number;
}

/** What a region has, as its watches last said: everything that a pass asks for is answered from here. */
export class RegionCache implements AsyncDisposable {
  readonly nodes = new Map<string, Node>();
  /** Of everybody: others' pods take GPUs too. */
  readonly pods = new Map<string, Pod>();
  readonly deployments = new Map<string, Deployment>();
  readonly replicaSets = new Map<string, ReplicaSet>();
  readonly memory: Memory;
  readonly #options: CacheOptions;
  readonly #events = new Map<string, KubeEvent[]>();
  readonly #troubles = new Map<Kind, unknown>();
  readonly #synced = new Set<Kind>();
  readonly #closing = new AbortController();
  readonly #watching: Promise<unknown>;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.memory = new Memory(options.clock);
    const ours = `${labelNames.installation}=${options.installation}`;
    this.#watching = Promise.all([
      this.#watch('Node', this.nodes),
      this.#watch('Pod', this.pods),
      this.#watch('Deployment', this.deployments, ours),
      this.#watch('ReplicaSet', this.replicaSets, ours),
      this.#watchEvents(),
    ]);
  }

  /** Why what stands here may be out of date; undefined where it is current. Events only explain, so theirs do not count. */
  get trouble(): unknown {
    for (const [kind, error] of this.#troubles) if (kind !== 'Event') return error;
    for (const kind of NEEDED) if (!this.#synced.has(kind)) return new Error(`${kind} objects are being listed`);
    return undefined;
  }

  /** Something was asked for and is not to be had: that will take its time. */
  get isTroubled(): boolean {
    return NEEDED.some((kind) => this.#troubles.has(kind));
  }

  /** Of one object, oldest first. */
  eventsOf(uid: string | undefined): readonly KubeEvent[] {
    return (uid !== undefined && this.#events.get(uid)) || [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  #watch<T extends KubeObject>(kind: Kind, objects: Map<string, T>, labelSelector?: string): Promise<void> {
    const keep = (object: T) => {
      objects.set(keyOf(object), slim(object));
      this.#changed(kind, object);
    };
    const drop = (object: T) => {
      objects.delete(keyOf(object));
      if (kind === 'Pod') this.memory.noteGone(object as unknown as Pod);
      this.#changed(kind, object);
    };
    const handler = {
      synced: (listed: T[]) => {
        const present = new Set(listed.map(keyOf));
        for (const [key, object] of objects) if (!present.has(key)) drop(object);
        for (const object of listed) keep(object);
        this.#synced.add(kind);
      },
      changed: (type: string, object: T) => (type === 'DELETED' ? drop(object) : keep(object)),
      troubled: (error: unknown) => this.#troubled(kind, error),
    };
    const selection = { labelSelector };
    return watchAll<T>(this.#options.connection, collectionPath(kind), {
      handler,
      selection,
      signal: this.#closing.signal,
    });
  }

  #watchEvents(): Promise<void> {
    const note = (event: KubeEvent) => this.#noteEvent(event);
    const handler = {
      synced: (events: KubeEvent[]) => events.toSorted(byTime).forEach(note),
      changed: (type: string, event: KubeEvent) => void (type === 'DELETED' || note(event)),
      troubled: (error: unknown) => this.#troubled('Event', error),
    };
    const { connection } = this.#options;
    return watchAll<KubeEvent>(connection, collectionPath('Event'), { handler, signal: this.#closing.signal });
  }

  #noteEvent(event: KubeEvent): void {
    const { uid } = event.involvedObject;
    if (uid === undefined) return;
    const earlier = (this.#events.get(uid) ?? []).filter(({ metadata }) => metadata.uid !== event.metadata.uid);
    this.#events.delete(uid);
    this.#events.set(uid, [...earlier, event].slice(-EVENTS_PER_OBJECT_MAX));
    const [oldest] = this.#events.keys();
    if (this.#events.size > OBJECTS_WITH_EVENTS_MAX && oldest !== undefined) this.#events.delete(oldest);
    const pod = this.pods.get(uid);
    if (pod) this.#changed('Event', pod);
  }

  #changed(kind: Kind, object: KubeObject): void {
    const { installation, onChange } = this.#options;
    const labels = object.metadata.labels ?? {};
    if (labels[labelNames.installation] !== installation) return;
    if (kind === 'Pod') this.memory.note(object as Pod);
    if (kind === 'Deployment') this.#options.onDeployment?.(object);
    const workload_id = Number(labels[labelNames.workload]);
    if (Number.isSafeInteger(workload_id)) onChange(workload_id);
  }

  #troubled(kind: Kind, error: unknown): void {
    if (error === undefined) return void this.#troubles.delete(kind);
    if (!this.#troubles.has(kind)) this.#options.onTrouble?.(kind, error);
    this.#troubles.set(kind, error);
  }
}

const NEEDED: readonly Kind[] = ['Node', 'Pod', 'Deployment', 'ReplicaSet'];

const keyOf = ({ metadata }: KubeObject) => metadata.uid ?? `${metadata.namespace}/${metadata.name}`;

/** `managedFields` are half of an object, and nobody reads them. */
function slim<T extends KubeObject>(object: T): T {
  const { managedFields: _fields, ...metadata } = object.metadata as KubeObject['metadata'] & {
    managedFields?: unknown;
  };
  return { ...object, metadata };
}

const byTime = (a: KubeEvent, b: KubeEvent) => timeOf(a) - timeOf(b);
const timeOf = ({ series, lastTimestamp, eventTime, metadata }: KubeEvent) =>
  Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;
