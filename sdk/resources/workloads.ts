import type { RequestOptions } from '../client.ts';
import { extendWorkload, getWorkload, listWorkloads, type Workload } from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { type Ref, WorkloadVerbs } from './workload-verbs.ts';

export class Workloads extends WorkloadVerbs {
  /** Workloads of every kind, newest first; with `all` also terminated ones. `GET /workloads` */
  list(query: Query<typeof listWorkloads> = {}, options?: RequestOptions): Listing<Workload> {
    return this.client.list(listWorkloads, query, options);
  }

  /** A workload of any kind. `not_found`. `GET /workloads/{workload}` */
  get(ref: Ref, options?: RequestOptions): Promise<Workload> {
    return this.client.call(getWorkload, { workload: ref }, options);
  }

  /** The workload with its later deadline. `insufficient_balance`; `not_supported` for what has none. `POST /workloads/{workload}/extend` */
  extend(ref: Ref, hours: number, options?: RequestOptions): Promise<Workload> {
    return this.client.call(extendWorkload, { workload: ref, hours }, options);
  }
}
