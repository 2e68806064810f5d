import type { RequestOptions } from '../client.ts';
import {
  followEvents,
  type LogLine,
  listEvents,
  listReplicas,
  type Replica,
  readLogs,
  resumeWorkload,
  scaleWorkload,
  stopWorkload,
  terminateWorkload,
  type Workload,
  type WorkloadEvent,
  type WorkloadState,
  waitForWorkload,
} from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { readDocuments } from '../stream.ts';
import { type WaitOptions, waitUntil } from '../wait.ts';
import { Resource } from './resource.ts';

/** Id, `name:id`, or a name that only one live workload has. Every method answers `not_found` if there is none. */
export type Ref = number | string;
/** Which lines: `tail` of each replica, `since` in Unix milliseconds, `follow` for as long as you read. */
export type LogQuery = Omit<Query<typeof readLogs>, 'workload'>;

/** What every kind of workload can do. */
export abstract class WorkloadVerbs extends Resource {
  /** Replicas of all regions; with `all` also those that are gone. `GET /workloads/{workload}/replicas` */
  replicas(
    ref: Ref,
    query: Omit<Query<typeof listReplicas>, 'workload'> = {},
    options?: RequestOptions,
  ): Listing<Replica> {
    return this.client.list(listReplicas, { ...query, workload: String(ref) }, options);
  }

  /** What happened and why, newest first. `GET /workloads/{workload}/events` */
  events(
    ref: Ref,
    query: Omit<Query<typeof listEvents>, 'workload'> = {},
    options?: RequestOptions,
  ): Listing<WorkloadEvent> {
    return this.client.list(listEvents, { ...query, workload: String(ref) }, options);
  }

  /** Events from `since` (Unix milliseconds) on, oldest first, until you leave the loop. `GET /workloads/{workload}/events/follow` */
  async *followEvents(
    ref: Ref,
    query: { since?: number } = {},
    options?: RequestOptions,
  ): AsyncGenerator<WorkloadEvent, void> {
    const response = await this.client.open(followEvents, { ...query, workload: ref }, asLongAsItTakes(options));
    yield* readDocuments(response, options);
  }

  /** Log lines of all replicas or one. A broken connection throws `stream_cut`. `GET /workloads/{workload}/logs` */
  async *logs(ref: Ref, query: LogQuery = {}, options?: RequestOptions): AsyncGenerator<LogLine, void> {
    const patience = query.follow ? asLongAsItTakes(options) : options;
    yield* readDocuments(await this.client.open(readLogs, { ...query, workload: ref }, patience), options);
  }

  /** The workload with its new generation; replicas are per region. `insufficient_balance`, `no_capacity`. `POST /workloads/{workload}/scale` */
  scale(ref: Ref, replicas: number, options?: RequestOptions): Promise<Workload> {
    return this.client.call(scaleWorkload, { workload: ref, replicas }, options);
  }

  /** The workload on its way to `stopped`; the unused part of its hold comes back. `POST /workloads/{workload}/stop` */
  stop(ref: Ref, options?: RequestOptions): Promise<Workload> {
    return this.client.call(stopWorkload, { workload: ref }, options);
  }

  /** The workload on its way up again, with a new hold. `insufficient_balance`, `no_capacity`, `conflict`. `POST /workloads/{workload}/resume` */
  resume(ref: Ref, options?: RequestOptions): Promise<Workload> {
    return this.client.call(resumeWorkload, { workload: ref }, options);
  }

  /** The workload on its way to `terminated`, which is final. `POST /workloads/{workload}/terminate` */
  terminate(ref: Ref, options?: RequestOptions): Promise<Workload> {
    return this.client.call(terminateWorkload, { workload: ref }, options);
  }

  /** The workload as soon as it is newer than `revision`, or after `timeout_seconds` (at most 60) as it is. `GET /workloads/{workload}/wait` */
  wait(
    ref: Ref,
    query: { revision?: number; timeout_seconds?: number } = {},
    options?: RequestOptions,
  ): Promise<Workload> {
    return this.client.call(waitForWorkload, { ...query, workload: ref }, options);
  }

  /** The workload once it is in one of `states`. Throws `WaitError`: `workload_failed` if it cannot get there, `wait_timeout` at the deadline. */
  waitUntil(ref: Ref, states: readonly WorkloadState[], options?: WaitOptions): Promise<Workload> {
    return waitUntil(this.client, ref, states, options);
  }

  /** The workload once all its replicas are ready and reflect every change that was asked for. Throws like `waitUntil`. */
  waitUntilRunning(ref: Ref, options?: WaitOptions): Promise<Workload> {
    return waitUntil(this.client, ref, ['running'], options);
  }
}

/** The head comes with the first line, and nobody knows when that is written. */
const asLongAsItTakes = (options: RequestOptions = {}): RequestOptions => ({
  ...options,
  timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
});
