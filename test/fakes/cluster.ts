import type { LogLine, Offer, Reason, ReplicaState } from '../../sdk/contract/index.ts';
import {
  type ClusterDriver,
  type Deployment,
  type Evidence,
  type OwnedFilesystem,
  RegionUnreachable,
} from '../../server/cluster/driver.ts';

/** A region in memory. Replicas do what they are told; what they meet with is up to the test. */
export interface FakeCluster extends ClusterDriver {
  /** All declarations so far. */
  readonly applied: readonly Deployment[];
  readonly destroyed: readonly string[];
  lines: LogLine[];
  /** What new replicas are at once. Default `ready`. */
  startAs: ReplicaState;
  /** Told to stop they are gone at once; else they stay `stopping` until `finishStopping`. */
  stopsAtOnce: boolean;
  /** What it tells is of a time before its replicas, unless it is asked itself. */
  isLate: boolean;
  replicas(): Evidence[];
  /** Changes replicas, all or those of one workload, and says so. */
  become(change: Partial<Evidence>, workload_id?: number): void;
  /** Ends the process of a replica; it restarts. */
  crash(id: string): void;
  finishStopping(): void;
  addOrphan(orphan: { workload_id: number; uid: string }): void;
  /** From now on nothing is answered: calls fail, or hang for ever. */
  cutOff(how?: 'fails' | 'hangs'): void;
  heal(): void;
}

export interface FakeSettings {
  region: string;
  clock: () => number;
  kind?: ClusterDriver['kind'];
  gpus?: { type: string; count: number; price: string }[];
  filesystems?: OwnedFilesystem[];
}

const H100 = { type: 'h100', count: 8, price: '3.20' };

export function openFakeCluster(settings: FakeSettings): FakeCluster {
  const { region, clock, kind = 'local', gpus = [H100], filesystems = [] } = settings;
  const applied: Deployment[] = [];
  const destroyed: string[] = [];
  const evidence = new Map<string, Evidence & { gpu: Deployment['gpu'] }>();
  const orphans = new Map<string, number>();
  const listeners = new Set<(workload_id: number) => void>();
  let silence: 'fails' | 'hangs' | undefined;
  let made = 0;

  const say = (workload_id: number) => {
    for (const listener of listeners) listener(workload_id);
  };
  const answer = async <T>(make: () => T): Promise<T> => {
    if (silence === 'hangs') return new Promise(() => {});
    if (silence === 'fails') throw new RegionUnreachable(region, 'connection refused');
    return make();
  };
  const ofWorkload = (id: number) => [...evidence.values()].filter(({ workload_id }) => workload_id === id);
  const running = (id: number) => ofWorkload(id).filter(({ state }) => state !== 'gone' && state !== 'stopping');
  const freeOf = (type: string) => {
    const total = gpus.find((gpu) => gpu.type === type)?.count ?? 0;
    const holding = [...evidence.values()].filter(
      (r) => r.gpu.type === type && r.started_at !== null && r.ended_at === null,
    );
    return total - holding.reduce((sum, { gpu }) => sum + gpu.count, 0);
  };

  const create = ({ workload_id, generation, gpu }: Deployment) => {
    const id = `${workload_id}-${region}-${++made}`;
    const fits = freeOf(gpu.type) >= gpu.count;
    const state = fits ? fake.startAs : 'pending';
    const ready = state === 'ready';
    const reason: Reason = ready ? 'ready' : fits ? 'loading_model' : 'no_capacity';
    const message = ready ? `${id} is ready` : fits ? `${id} is loading` : `${id} waits for ${gpu.count} × ${gpu.type}`;
    const now = clock();
    evidence.set(id, {
      id,
      workload_id,
      region,
      gpu,
      state,
      reason,
      message,
      generation,
      node: 'node-1',
      restarts: 0,
      restarted_at: [],
      pid: 1000 + made,
      address: `127.0.0.1:${20_000 + made}`,
      started_at: fits ? now : null,
      ready_at: ready ? now : null,
      ended_at: null,
      exit_code: null,
    });
  };
  const end = (replica: Evidence) => {
    replica.state = fake.stopsAtOnce ? 'gone' : 'stopping';
    replica.reason = 'replicas_stopping';
    if (fake.stopsAtOnce) replica.ended_at = clock();
  };

  const fake: FakeCluster = {
    region,
    kind,
    applied,
    destroyed,
    lines: [],
    startAs: 'ready',
    stopsAtOnce: true,
    isLate: false,
    replicas: () => [...evidence.values()],
    installedEngines: () => ['sim'],
    filesystems: () => filesystems,
    offers: () =>
      answer(() =>
        gpus.map(({ type, count, price }): Offer => {
          const free = freeOf(type);
          return { gpu: type, price_per_hour: price, total: count, free, largest_free_block: free, simulated: true };
        }),
      ),
    apply: (deployment) =>
      answer(() => {
        applied.push(deployment);
        const current = running(deployment.workload_id);
        const missing = deployment.replicas - current.length;
        for (let i = 0; i < missing; i++) create(deployment);
        for (const replica of current.slice(deployment.replicas)) end(replica);
        if (missing !== 0) say(deployment.workload_id);
      }),
    observe: ({ workload_id }, { isCertain = false } = {}) =>
      answer(() =>
        fake.isLate && !isCertain ? [] : ofWorkload(workload_id).map(({ gpu: _gpu, ...seen }) => ({ ...seen })),
      ),
    list: () => answer(() => [...orphans].map(([uid, workload_id]) => ({ uid, workload_id }))),
    destroy: ({ uid }) =>
      answer(() => {
        orphans.delete(uid);
        destroyed.push(uid);
      }),
    async *logs(_workload, { replica, since }) {
      await answer(() => {});
      yield* fake.lines.filter((line) => (replica === undefined || line.replica === replica) && line.at >= since);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    become(change, workload_id) {
      for (const replica of evidence.values()) {
        if (replica.state === 'gone' || (workload_id !== undefined && replica.workload_id !== workload_id)) continue;
        Object.assign(replica, change);
        say(replica.workload_id);
      }
    },
    crash(id) {
      const replica = evidence.get(id);
      if (!replica) throw new Error(`no replica ${id}`);
      replica.restarts += 1;
      replica.restarted_at = [...replica.restarted_at, clock()];
      Object.assign(replica, {
        state: 'restarting',
        reason: 'replica_restarting',
        message: 'ended with exit code 1',
        exit_code: 1,
        ready_at: null,
      });
      say(replica.workload_id);
    },
    finishStopping() {
      for (const replica of evidence.values()) {
        if (replica.state !== 'stopping') continue;
        Object.assign(replica, { state: 'gone', ended_at: clock() });
        say(replica.workload_id);
      }
    },
    addOrphan: ({ uid, workload_id }) => void orphans.set(uid, workload_id),
    cutOff(how = 'fails') {
      silence = how;
    },
    heal() {
      silence = undefined;
    },
    async [Symbol.asyncDispose]() {},
  };
  return fake;
}
