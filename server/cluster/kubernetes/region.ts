import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine, Offer } from '../../../sdk/contract/index.ts';
import type { Log } from '../../log.ts';
import {
  type ClusterDriver,
  type Deployment,
  type Evidence,
  type LogQuery,
  type Notice,
  type OwnedFilesystem,
  RegionUnreachable,
} from '../driver.ts';
import { openMask } from '../local/mask.ts';
import { RegionCache } from './cache.ts';
import { offersOf } from './capacity.ts';
import { makeClaims } from './claims.ts';
import { apply, remove } from './client/apply.ts';
import { Connection } from './client/connection.ts';
import { type KubeSource, openCredentials } from './client/credentials.ts';
import { listAll } from './client/list.ts';
import { collectionPath, type Kind } from './client/resources.ts';
import { Drift, describeDifference, hashOf, marked } from './drift.ts';
import { type Sight, workloadEvidence } from './evidence/workload.ts';
import { Health } from './health.ts';
import { claimRegion, Impostor } from './identity.ts';
import { readPodLogs } from './logs.ts';
import { companionManifests, secretManifest } from './manifest/companions.ts';
import { deploymentManifest } from './manifest/deployment.ts';
import { labelNames } from './manifest/names.ts';
import { namespaceManifests } from './manifest/namespace.ts';
import type { Site } from './manifest/site.ts';
import { keyOf, noticesOf } from './notices.ts';
import type { KubeObject, Deployment as LiveDeployment, Pod } from './objects.ts';

export interface KubernetesRegionOptions {
  name: string;
  source: KubeSource;
  site: Site;
  /** Of this installation, from a secret outside the database: pinned in the region. */
  identity: string;
  log: Log;
  clock: () => number;
}

type Workload = Parameters<ClusterDriver['observe']>[0];

const CHANGE_DEBOUNCE_MS = 200;
const CLAIM_AGAIN_MS = 5_000;
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
  readonly #clock: () => number;
  readonly #connection: Connection;
  readonly #cache: RegionCache;
  readonly #listeners = new Set<(workload_id: number) => void>();
  readonly #changed = new Map<number, NodeJS.Timeout>();
  /** What was declared last, by uid. */
  readonly #declared = new Map<string, Deployment>();
  readonly #namespaces = new Map<string, Promise<void>>();
  readonly #drift = new Drift();
  /** Changes by hand, by uid. */
  readonly #drifted = new Map<string, Notice[]>();
  readonly #closing = new AbortController();
  readonly #health: Health;
  readonly #claiming: Promise<void>;
  #unclaimed: unknown = new Error('it has not been reached yet');

  constructor({ name, site, identity, log, clock }: KubernetesRegionOptions, connection: Connection) {
    this.region = name;
    this.#site = site;
    this.#log = log;
    this.#clock = clock;
    this.#connection = connection;
    const onChange = (workload_id: number) => this.#tellSoon(workload_id);
    const onTrouble = (kind: Kind, err: unknown) => log.warn({ region: name, kind, err }, 'objects cannot be watched');
    const onDeployment = (deployment: LiveDeployment) => this.#noteDrift(deployment);
    const { installation } = site;
    this.#cache = new RegionCache({ connection, installation, onChange, onDeployment, onTrouble, clock });
    this.#claiming = this.#claim(identity);
    this.#health = new Health({
      connection,
      trouble: () => this.#unclaimed ?? this.#cache.trouble,
      onFlip: (err) => {
        if (err === undefined) log.info({ region: name }, 'the region can be asked');
        else log.warn({ region: name, err }, 'the region cannot be asked');
        this.#tellAll();
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
    return this.#offers();
  }

  async apply(wanted: Deployment): Promise<void> {
    try {
      if (this.#unclaimed !== undefined) throw this.#unclaimed;
      if (wanted.replicas === 0) await this.#removeDeployment(wanted);
      else await this.#applyAll(wanted);
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  async observe(workload: Workload): Promise<Evidence[]> {
    this.#assertCurrent();
    const sight = this.#sight(workload);
    if (sight.pods.length > 0 || sight.deployment !== undefined) return workloadEvidence(sight);
    return workloadEvidence({ ...sight, deployment: await this.#askForDeployment(workload) });
  }

  notices({ uid, workload_id }: Workload): readonly Notice[] {
    const { pods, gone, replicaSets } = this.#sight({ uid, workload_id });
    const objects = [...gone.map(({ pod }) => pod), ...pods, ...replicaSets];
    const told = objects.flatMap(({ metadata }) => noticesOf(metadata.name, this.#cache.eventsOf(metadata.uid)));
    return [...told, ...(this.#drifted.get(uid) ?? [])].toSorted((a, b) => a.at - b.at).slice(-NOTICES_MAX);
  }

  async list(): Promise<Workload[]> {
    this.#assertCurrent();
    const objects = [...this.#cache.pods.values(), ...this.#cache.deployments.values()].filter((each) =>
      this.#isOurs(each),
    );
    const found = objects.flatMap(({ metadata: { labels = {} } }) => {
      const uid = labels[labelNames.uid];
      return uid === undefined ? [] : [[uid, Number(labels[labelNames.workload])] as const];
    });
    return [...new Map(found)].map(([uid, workload_id]) => ({ uid, workload_id }));
  }

  async destroy({ uid }: Workload): Promise<void> {
    this.#declared.delete(uid);
    this.#drift.forget(uid);
    this.#drifted.delete(uid);
    if (this.#unclaimed !== undefined) throw this.#unreachable(this.#unclaimed);
    const { installation } = this.#site;
    const selection = { labelSelector: `${labelNames.installation}=${installation},${labelNames.uid}=${uid}` };
    try {
      for (const kind of DESTROYED) {
        const { items } = await listAll<KubeObject>(this.#connection, collectionPath(kind), selection);
        for (const { metadata } of items) await remove(this.#connection, kind, metadata, { graceSeconds: 0 });
      }
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  logs({ uid }: Workload, query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    const pods = this.#podsOf(uid).filter(
      ({ metadata }) => query.replica === undefined || metadata.name === query.replica,
    );
    const find = (podUid: string) => this.#cache.pods.get(podUid);
    const mask = openMask(this.#declared.get(uid)?.secrets ?? {});
    return readPodLogs({ connection: this.#connection, region: this.region, find, mask }, pods, { query, signal });
  }

  onChange(listener: (workload_id: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when all is known or cannot be, or after so long. */
  async synced(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const isOpening = () => this.#health.trouble !== undefined && !this.#cache.isTroubled;
    while (isOpening() && performance.now() < deadline) await sleep(SYNC_POLL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#changed.values()) clearTimeout(timer);
    await Promise.all([this.#cache[Symbol.asyncDispose](), this.#health[Symbol.asyncDispose](), this.#claiming]);
    await this.#connection[Symbol.asyncDispose]();
  }

  async #applyAll(wanted: Deployment): Promise<void> {
    const offer = this.#site.offers.find(({ type }) => type === wanted.gpu.type);
    if (!offer) throw new Error(`${this.region} has no GPUs of type ${wanted.gpu.type} any more`);
    this.#declared.set(wanted.uid, wanted);
    const { uid } = wanted;
    const manifest = deploymentManifest(wanted, offer, this.#site);
    const secret = secretManifest(wanted, this.#site);
    const hash = hashOf([manifest, secret, ...companionManifests(wanted, this.#site, undefined)]);
    const now = this.#clock();
    if (this.#drift.isAsDeclared(uid, { hash, live: this.#deploymentOf(uid), now })) return;
    await this.#namespaceOf(wanted.account_id);
    await makeClaims(this.#connection, wanted, this.#site);
    if (secret) await this.#applySecret(secret, manifest);
    const made = await apply(this.#connection, marked(manifest, hash));
    const companions = companionManifests(wanted, this.#site, ownerOf(made));
    await Promise.all(companions.map((companion) => apply(this.#connection, companion)));
    this.#drift.note(uid, { hash, manifest, made, at: now });
  }

  /** Before the pods that read it, and never without an owner that takes it along: so a new Deployment is paused at first. */
  async #applySecret(secret: KubeObject, manifest: ReturnType<typeof deploymentManifest>): Promise<void> {
    const uid = manifest.metadata.labels?.[labelNames.uid] ?? '';
    const paused = { ...manifest, spec: { ...manifest.spec, paused: true } };
    const owner = ownerOf(this.#deploymentOf(uid) ?? (await apply(this.#connection, paused)));
    await apply(this.#connection, { ...secret, metadata: { ...secret.metadata, ownerReferences: [owner] } });
  }

  /** The cluster removes with it what belongs to it, and its pods with their grace. */
  async #removeDeployment({ uid }: Deployment): Promise<void> {
    const found = this.#deploymentOf(uid);
    if (!found || found.metadata.deletionTimestamp !== undefined) return;
    await remove(this.#connection, 'Deployment', found.metadata);
  }

  /** Once for each account, and again only if it failed. */
  #namespaceOf(account_id: string): Promise<void> {
    const known = this.#namespaces.get(account_id);
    if (known) return known;
    const made = (async () => {
      for (const manifest of namespaceManifests(account_id, this.#site)) await apply(this.#connection, manifest);
    })();
    this.#namespaces.set(account_id, made);
    made.catch(() => this.#namespaces.delete(account_id));
    return made;
  }

  #sight({ uid, workload_id }: Workload): Sight {
    const { cache, deployment } = { cache: this.#cache, deployment: this.#declared.get(uid) };
    return {
      region: this.region,
      workload_id,
      pods: this.#podsOf(uid),
      gone: cache.memory.gone().filter(({ pod }) => pod.metadata.labels?.[labelNames.uid] === uid),
      deployment: this.#deploymentOf(uid),
      replicaSets: [...cache.replicaSets.values()].filter(({ metadata }) => metadata.labels?.[labelNames.uid] === uid),
      eventsOf: (podUid) => cache.eventsOf(podUid),
      nodeOf: (name) => [...cache.nodes.values()].find(({ metadata }) => metadata.name === name),
      rememberedOf: (pod) => cache.memory.of(pod),
      offers: this.#offers(),
      site: this.#site,
      generation: deployment?.generation ?? 0,
      now: this.#clock(),
    };
  }

  #offers(): Offer[] {
    const { installation, tolerations, offers } = this.#site;
    const { nodes, pods } = this.#cache;
    return offersOf(offers, { installation, tolerations, nodes: nodes.values(), pods: pods.values() });
  }

  #deploymentOf(uid: string): LiveDeployment | undefined {
    return [...this.#cache.deployments.values()].find(
      (each) => this.#isOurs(each) && each.metadata.labels?.[labelNames.uid] === uid,
    );
  }

  /** That nothing is there is never believed of a watch alone, which may be late: money and GPUs are given back for it. */
  async #askForDeployment({ uid }: Workload): Promise<LiveDeployment | undefined> {
    const labelSelector = `${labelNames.installation}=${this.#site.installation},${labelNames.uid}=${uid}`;
    try {
      const { items } = await listAll<LiveDeployment>(this.#connection, collectionPath('Deployment'), {
        labelSelector,
      });
      return items[0];
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  #noteDrift(deployment: LiveDeployment): void {
    const { uid: objectUid = '', generation, labels } = deployment.metadata;
    const uid = labels?.[labelNames.uid] ?? '';
    const differences = this.#drift.differences(uid, deployment);
    if (differences.length === 0) return;
    const notice: Notice = {
      key: keyOf(objectUid, 'drift', String(generation)),
      at: this.#clock(),
      type: 'warning',
      reason: 'changed_by_hand',
      message: `Somebody changed ${deployment.metadata.name} in ${this.region}: ${differences.map(describeDifference).join(', ')}. It is put right.`,
    };
    const known = (this.#drifted.get(uid) ?? []).filter(({ key }) => key !== notice.key);
    this.#drifted.set(uid, [...known, notice].slice(-NOTICES_MAX));
  }

  #podsOf(uid: string): Pod[] {
    return [...this.#cache.pods.values()].filter(
      (pod) => this.#isOurs(pod) && pod.metadata.labels?.[labelNames.uid] === uid,
    );
  }

  #isOurs({ metadata }: KubeObject): boolean {
    return metadata.labels?.[labelNames.installation] === this.#site.installation;
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

  /** Until it is known whose region this is nothing is done in it. */
  async #claim(identity: string): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await claimRegion(this.#connection, this.#site, identity);
        this.#unclaimed = undefined;
        return;
      } catch (error) {
        if (error instanceof Impostor && !(this.#unclaimed instanceof Impostor))
          this.#log.error({ region: this.region, err: error }, 'the region is not ours');
        this.#unclaimed = error;
      }
      await sleep(CLAIM_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }

  #tellAll(): void {
    for (const { metadata } of [...this.#cache.deployments.values(), ...this.#cache.pods.values()]) {
      const id = Number(metadata.labels?.[labelNames.workload]);
      if (metadata.labels?.[labelNames.installation] === this.#site.installation && id > 0) this.#tellSoon(id);
    }
  }

  /** Kubernetes says the same thing in several small steps: one word about all of them. */
  #tellSoon(workload_id: number): void {
    if (this.#changed.has(workload_id)) return;
    const tell = () => {
      this.#changed.delete(workload_id);
      for (const listener of this.#listeners) listener(workload_id);
    };
    this.#changed.set(workload_id, setTimeout(tell, CHANGE_DEBOUNCE_MS));
  }
}

const ownerOf = ({ metadata }: KubeObject) =>
  ({ apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid ?? '' }) as const;

/** What has no row any more, owners first. Secrets go with their Deployment: who may list them may read all of the cluster's. */
const DESTROYED = ['Deployment', 'ReplicaSet', 'Pod', 'Service', 'NetworkPolicy', 'PodDisruptionBudget'] as const;
