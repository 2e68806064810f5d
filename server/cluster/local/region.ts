import { mkdirSync } from 'node:fs';
import type { LogLine, Offer } from '../../../sdk/contract/index.ts';
import type { Log } from '../../log.ts';
import {
  type ClusterDriver,
  type Deployment,
  type Evidence,
  type LogQuery,
  type OwnedFilesystem,
  RegionUnreachable,
  type WorkloadAsked,
  type WorkloadKey,
} from '../driver.ts';
import { adopt } from './adopt.ts';
import { assignGpus, assignPort } from './assign.ts';
import { findInstalled } from './command.ts';
import { evidenceOf } from './evidence.ts';
import { readSlots, removeFolder } from './folder.ts';
import { forgetSecrets } from './forget-secrets.ts';
import { type LocalGpu, offersOf } from './gpus.ts';
import { findLeaseTime, findOtherServer, LEASE_LOST_MS, leaseOf, renewEveryMs, renewLease } from './lease.ts';
import { readLogs } from './logs.ts';
import { rollOut, type Site } from './roll-out.ts';
import type { Lease } from './run.ts';
import { isLive, type Slot } from './slot.ts';
import { type Tending, tellToStop, tend, UNRESPONSIVE_MAX_MS } from './tend.ts';

export interface LocalRegionOptions {
  name: string;
  gpus: readonly LocalGpu[];
  /** Folders of this machine. */
  filesystems: readonly { name: string; path: string }[];
  /** Holds one folder for each replica. */
  directory: string;
  installation: string;
  log: Log;
  clock: () => number;
  /** How long replicas go on when no server is there for them. */
  leaseLostMs?: number;
  /** How long a replica that was ready may stay unready before it is started again. */
  unresponsiveMaxMs?: number;
}

/** Replicas as processes of this machine. Disposing leaves them to the next server. */
export async function openLocalRegion(options: LocalRegionOptions): Promise<LocalRegion> {
  const { directory, installation, clock, log, leaseLostMs = LEASE_LOST_MS } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lease = leaseOf(directory, installation, leaseLostMs);
  const leaseAt = findLeaseTime(lease) ?? clock();
  const other = findOtherServer(lease);
  if (other !== undefined) throw new Error(`${directory} is looked after by another server, process ${other}.`);
  renewLease(lease);
  const slots = readSlots(directory, installation, (folder, err) => log.warn({ err, folder }, 'not a replica of ours'));
  await Promise.all(slots.map((slot) => adopt(slot, leaseAt, clock)));
  return new LocalRegion(options, slots, lease);
}

const TICK_MS = 100;
/** While every replica is ready. */
const QUIET_TICK_MS = 250;
const FAILED_TICK_MS = 1_000;
/** Gone replicas are kept so long for their logs. */
const GONE_KEPT_MS = 7 * 86_400_000;
const STOP_ALL_GRACE_MS = 3_000;
const STOP_ALL_TIMEOUT_MS = 15_000;
const DESTROY_TIMEOUT_MS = 5_000;

/** Stands beside the uids of workloads. */
const FORGETTING = 'forgetting secrets';

/** Told of a replica for the last time. */
const GONE = 'gone';

export class LocalRegion implements ClusterDriver {
  readonly kind = 'local';
  readonly region: string;
  readonly #site: Site;
  readonly #tending: Tending;
  readonly #filesystems: readonly OwnedFilesystem[];
  readonly #log: Log;
  /** What was declared last, by uid. */
  readonly #declared = new Map<string, Deployment>();
  readonly #listeners = new Set<(workload_id: number) => void>();
  /** Evidence as it was last told, by replica. */
  readonly #told = new Map<string, string>();
  readonly #running: Promise<void>;
  #isClosing = false;
  #wake = () => {};
  /** What hinders all. */
  #failure: unknown;
  /** What hinders one workload, by uid. */
  #failures = new Map<string, unknown>();
  #renewedAt = 0;

  constructor(options: LocalRegionOptions, slots: Slot[], lease: Lease) {
    const { name, directory, installation, gpus, filesystems, clock, log } = options;
    const { unresponsiveMaxMs = UNRESPONSIVE_MAX_MS } = options;
    this.region = name;
    this.#log = log;
    this.#filesystems = filesystems.map(({ name, path }) => ({ name, mount: path, size_gib: null, account_id: null }));
    this.#site = { installation, directory, gpus, clock, slots };
    this.#tending = { lease, log, clock, unresponsiveMaxMs, assignPort: (slot) => assignPort(slot, slots) };
    this.#running = this.#run();
  }

  async offers(): Promise<Offer[]> {
    return offersOf(this.#site.gpus, this.#site.slots);
  }

  filesystems(): readonly OwnedFilesystem[] {
    return this.#filesystems;
  }

  installedEngines(): readonly string[] {
    return findInstalled();
  }

  async apply(deployment: Deployment): Promise<void> {
    this.#declared.set(deployment.uid, deployment);
    try {
      this.#step();
    } catch (cause) {
      throw new RegionUnreachable(this.region, `the folder of ${this.region} cannot be written`, { cause });
    }
    this.#wake();
  }

  async observe({ uid }: WorkloadAsked): Promise<Evidence[]> {
    const cause = this.#failure ?? this.#failures.get(uid);
    if (cause !== undefined)
      throw new RegionUnreachable(this.region, `replicas of ${this.region} cannot be looked after`, { cause });
    return this.#slotsOf(uid).map((slot) => this.#evidenceOf(slot));
  }

  async list(): Promise<WorkloadKey[]> {
    const live = this.#site.slots.filter(isLive).map(({ spec }) => [spec.uid, spec.workload_id] as const);
    return [...new Map(live)].map(([uid, workload_id]) => ({ uid, workload_id }));
  }

  async destroy({ uid }: WorkloadKey): Promise<void> {
    this.#declared.delete(uid);
    await this.#end(this.#slotsOf(uid), { graceMs: 0, timeoutMs: DESTROY_TIMEOUT_MS });
  }

  /** Ends every replica of this installation here, and waits for it. */
  async stopAll(): Promise<void> {
    this.#declared.clear();
    await this.#end(this.#site.slots, { graceMs: STOP_ALL_GRACE_MS, timeoutMs: STOP_ALL_TIMEOUT_MS });
  }

  logs({ uid }: WorkloadAsked, query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    return readLogs(() => this.#slotsOf(uid), query, signal);
  }

  onChange(listener: (workload_id: number) => void): () => void {
    this.#listeners.add(listener);
    this.#told.clear(); // what ended while nobody listened is news
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    await this.#running;
    await Promise.all(this.#site.slots.map(({ probe }) => probe));
  }

  #slotsOf(uid: string): Slot[] {
    return this.#site.slots.filter(({ spec }) => spec.uid === uid);
  }

  #evidenceOf(slot: Slot): Evidence {
    const { gpus, slots } = this.#site;
    return evidenceOf(
      slot,
      offersOf(gpus, slots).find(({ gpu }) => gpu === slot.spec.gpu.type),
    );
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await this.#tick();
      const timer = setTimeout(resolve, this.#restMs());
      await woken;
      clearTimeout(timer);
    }
  }

  #restMs(): number {
    if (this.#failure !== undefined || this.#failures.size > 0) return FAILED_TICK_MS;
    return this.#site.slots.filter(isLive).every(({ isReady, state }) => isReady && !state.stop)
      ? QUIET_TICK_MS
      : TICK_MS;
  }

  /** Looks after every slot. One that cannot be looked after hinders no other. */
  async #tick(): Promise<void> {
    const failures = new Map<string, unknown>();
    for (const slot of this.#site.slots.filter(isLive))
      await tend(slot, this.#tending).catch((error) => void failures.set(slot.spec.uid, error));
    await forgetSecrets(this.#site.slots, this.#site.clock()).catch((error) => void failures.set(FORGETTING, error));
    this.#failures = failures;
    this.#failure = this.#tryAll();
    const err = this.#failure ?? [...failures.values()][0];
    if (err !== undefined) this.#log.error({ err, region: this.region }, 'replicas cannot be looked after');
    this.#tellChanges();
  }

  /** What is done for all slots together, and why it could not be. */
  #tryAll(): unknown {
    try {
      this.#renewLease();
      this.#step();
      this.#prune();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Moves every workload one step on, and gives out what is free. */
  #step(): void {
    for (const [uid, deployment] of this.#declared) {
      rollOut(this.#site, deployment);
      if (deployment.replicas === 0 && !this.#slotsOf(uid).some(isLive)) this.#declared.delete(uid);
    }
    assignGpus(this.#site.slots, this.#site.gpus);
  }

  async #end(slots: readonly Slot[], { graceMs, timeoutMs }: { graceMs: number; timeoutMs: number }): Promise<void> {
    const live = slots.filter(isLive);
    const at = this.#site.clock();
    for (const slot of live) {
      const grace_ms = Math.min(graceMs, slot.spec.grace_seconds * 1000);
      tellToStop(slot, { reason: 'replicas_stopping', message: 'Told to stop.' }, { at, grace_ms, notice_ms: 0 });
    }
    this.#wake();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    const look = setInterval(() => live.some(isLive) || resolve(), TICK_MS);
    await promise;
    clearTimeout(timer);
    clearInterval(look);
    const left = live.filter(isLive).map(({ spec }) => spec.id);
    if (left.length > 0) this.#log.error({ region: this.region, replicas: left }, 'replicas did not end in time');
  }

  #renewLease(): void {
    const { lease, clock } = this.#tending;
    if (clock() - this.#renewedAt < renewEveryMs(lease)) return;
    renewLease(lease);
    this.#renewedAt = clock();
  }

  #prune(): void {
    const { slots, clock } = this.#site;
    const old = slots.filter(({ state }) => state.ended_at !== null && clock() - state.ended_at > GONE_KEPT_MS);
    for (const slot of old) {
      removeFolder(slot);
      slots.splice(slots.indexOf(slot), 1);
      this.#told.delete(slot.spec.id);
    }
  }

  #tellChanges(): void {
    const changed = new Set<number>();
    for (const slot of this.#site.slots) {
      if (this.#told.get(slot.spec.id) === GONE) continue;
      const now = isLive(slot) ? JSON.stringify(this.#evidenceOf(slot)) : GONE;
      if (this.#told.get(slot.spec.id) !== now) changed.add(slot.spec.workload_id);
      this.#told.set(slot.spec.id, now);
    }
    for (const workload_id of changed) for (const listener of this.#listeners) listener(workload_id);
  }
}
