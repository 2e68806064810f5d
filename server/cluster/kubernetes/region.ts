import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine, Offer } from '../../../sdk/contract/index.ts';
import type { Log } from '../../log.ts';
import {
  type ClusterDriver,
  type Deployment,
  type Evidence,
  type LogQuery,
  type Look,
  type Notice,
  type OwnedFilesystem,
  RegionUnreachable,
  type WorkloadAsked,
  type WorkloadKey,
} from '../driver.ts';
import { openMask } from '../mask.ts';
import { RegionCache } from './cache.ts';
import { Connection } from './client/connection.ts';
import { type KubeSource, openCredentials } from './client/credentials.ts';
import { listAll } from './client/list.ts';
import { collectionPath, type Kind } from './client/resources.ts';
import { Declarations } from './declarations.ts';
import { Declined } from './declined.ts';
import { destroyAll } from './destroy-all.ts';
import { workloadEvidence } from './evidence/workload.ts';
import { Health } from './health.ts';
import { readPodLogs } from './logs.ts';
import { ownedBy } from './manifest/names.ts';
import type { Site } from './manifest/site.ts';
import { noticesOf } from './notices.ts';
import type { KubeObject, Deployment as LiveDeployment, Pod } from './objects.ts';
import { Ours } from './ours.ts';
import { Ownership } from './ownership.ts';
import { Teller } from './teller.ts';

export interface KubernetesRegionOptions {
  name: string;
  source: KubeSource;
  site: Site;
  /** Of this installation, from a secret outside the database: pinned in the region. */
  identity: string;
  log: Log;
  clock: () => number;
}

const NOTICES_MAX = 20;
const SYNC_TIMEOUT_MS = 5_000;
const SYNC_POLL_MS = 25;

/** Replicas as pods of one Kubernetes cluster. Disposing leaves them running. */
export async function openKubernetesRegion(options: KubernetesRegionOptions): Promise<KubernetesRegion> {
  const connection = new Connection(await openCredentials(options.name, options.source));
  const region = new KubernetesRegion(options, connection);
  await region.synced(SYNC_TIMEOUT_MS); // one that is away at the start is unreachable, not a reason not to start
  return region;
}

export class KubernetesRegion implements ClusterDriver {
  readonly kind = 'kubernetes';
  readonly region: string;
  readonly #site: Site;
  readonly #log: Log;
  readonly #connection: Connection;
  readonly #teller = new Teller();
  readonly #cache: RegionCache;
  readonly #ours: Ours;
  readonly #declarations: Declarations;
  readonly #ownership: Ownership;
  readonly #health: Health;

  constructor({ name, site, identity, log, clock }: KubernetesRegionOptions, connection: Connection) {
    this.region = name;
    this.#site = site;
    this.#log = log;
    this.#connection = connection;
    this.#cache = new RegionCache({
      connection,
      clock,
      installation: site.installation,
      onChange: (workload_id) => this.#teller.tellSoon(workload_id),
      onDeployment: (deployment) => this.#declarations.noteDrift(deployment),
      onTrouble: (kind: Kind, err) => log.warn({ region: name, kind, err }, 'objects cannot be watched'),
    });
    this.#ours = new Ours({ region: name, site, cache: this.#cache, clock });
    const deploymentOf = (uid: string) => this.#ours.deploymentOf(uid);
    this.#declarations = new Declarations({ region: name, connection, site, deploymentOf, clock });
    const onImpostor = (err: Error) => log.error({ region: name, err }, 'the region is not ours');
    this.#ownership = new Ownership({ connection, site, identity, onImpostor });
    this.#health = new Health({
      connection,
      trouble: () => this.#ownership.trouble ?? this.#cache.trouble,
      onFlip: (err) => {
        if (err === undefined) log.info({ region: name }, 'the region can be asked');
        else log.warn({ region: name, err }, 'the region cannot be asked');
        for (const { workload_id } of this.#ours.workloads()) this.#teller.tellSoon(workload_id);
      },
    });
  }

  filesystems(): readonly OwnedFilesystem[] {
    return this.#site.filesystems.map(({ name, mount, size_gib, account = null }) => ({
      name,
      mount,
      size_gib,
      account_id: account,
    }));
  }

  installedEngines(): readonly string[] {
    return [];
  }

  async offers(): Promise<Offer[]> {
    this.#assertCurrent();
    return this.#ours.offers();
  }

  /** What the region does not take is told by `observe`, as of the workload. */
  async apply(wanted: Deployment): Promise<void> {
    this.#assertOurs();
    const before = this.#declarations.of(wanted.uid).declined?.message;
    try {
      await this.#declarations.declare(wanted);
    } catch (error) {
      if (!(error instanceof Declined)) throw this.#unreachable(error);
      if (error.message === before) return;
      this.#log.warn(
        { region: this.region, workload_id: wanted.workload_id, err: error },
        'a declaration is not taken',
      );
      this.#teller.tellSoon(wanted.workload_id);
    }
  }

  async observe(workload: WorkloadAsked, { generation, isCertain = false }: Look = {}): Promise<Evidence[]> {
    this.#assertCurrent();
    const declared = this.#declarations.of(workload.uid, generation);
    const pods = isCertain ? await this.#ask<Pod>('Pod', workload) : undefined;
    const sight = this.#ours.sightOf(workload, declared, pods);
    if (sight.pods.length > 0 || sight.deployment !== undefined) return workloadEvidence(sight);
    const [deployment] = await this.#ask<LiveDeployment>('Deployment', workload);
    return workloadEvidence({ ...sight, deployment });
  }

  notices(workload: WorkloadAsked): readonly Notice[] {
    const declared = this.#declarations.of(workload.uid);
    const { pods, gone, replicaSets, eventsOf } = this.#ours.sightOf(workload, declared);
    const objects = [...gone.map(({ pod }) => pod), ...pods, ...replicaSets];
    const told = objects.flatMap(({ metadata }) => noticesOf(metadata.name, eventsOf(metadata.uid)));
    return [...told, ...declared.notices].toSorted((a, b) => a.at - b.at).slice(-NOTICES_MAX);
  }

  async list(): Promise<WorkloadKey[]> {
    this.#assertCurrent();
    return this.#ours.workloads();
  }

  async destroy({ uid }: WorkloadKey): Promise<void> {
    this.#assertOurs();
    this.#declarations.forget(uid);
    try {
      await destroyAll(this.#connection, ownedBy(this.#site.installation, uid));
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  logs({ uid, secrets }: WorkloadAsked, query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    const isAsked = ({ metadata }: Pod) => query.replica === undefined || metadata.name === query.replica;
    const pods = () => this.#ours.podsOf(uid).filter(isAsked);
    const isOver = () => pods().length === 0 && (query.replica !== undefined || !this.#ours.deploymentOf(uid));
    const context = { connection: this.#connection, region: this.region, pods, isOver, mask: openMask(secrets) };
    return readPodLogs(context, { query, signal });
  }

  onChange(listener: (workload_id: number) => void): () => void {
    return this.#teller.onChange(listener);
  }

  /** Resolves when all is known or cannot be, or after so long. */
  async synced(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const isOpening = () => this.#health.trouble !== undefined && !this.#cache.isTroubled;
    while (isOpening() && performance.now() < deadline) await sleep(SYNC_POLL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#teller[Symbol.dispose]();
    await Promise.all([this.#cache, this.#health, this.#ownership].map((part) => part[Symbol.asyncDispose]()));
    await this.#connection[Symbol.asyncDispose]();
  }

  /** That nothing is there is never believed of a watch alone, which may be late: money and GPUs are given back for it. */
  async #ask<T extends KubeObject>(kind: Kind, { uid }: WorkloadKey): Promise<T[]> {
    const labelSelector = ownedBy(this.#site.installation, uid);
    try {
      const { items } = await listAll<T>(this.#connection, collectionPath(kind), { labelSelector });
      return items;
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  #assertOurs(): void {
    const { trouble } = this.#ownership;
    if (trouble !== undefined) throw this.#unreachable(trouble);
  }

  #assertCurrent(): void {
    const { trouble } = this.#health;
    if (trouble !== undefined) throw this.#unreachable(trouble);
  }

  #unreachable(cause: unknown): RegionUnreachable {
    if (cause instanceof RegionUnreachable) return cause;
    const { message = String(cause), code } = Object(cause) as { message?: string; code?: string };
    return new RegionUnreachable(this.region, code ?? message, { cause });
  }
}
