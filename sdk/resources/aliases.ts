import type { RequestOptions } from '../client.ts';
import { type Alias, getAlias, type Input, listAliases, removeAlias, setAlias } from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { Resource } from './resource.ts';
import type { Ref } from './workload-verbs.ts';

export type AliasOptions = Omit<Input<typeof setAlias>, 'alias' | 'workload'>;

export class Aliases extends Resource {
  /**
   * The alias, leading to a running instance: requests that come from now on go there. `conflict` if the instance does
   * not run, the name is a platform model's, or it does not lead to `expected_workload_id`. `PUT /aliases/{alias}`
   */
  set(alias: string, workload: Ref, more: AliasOptions = {}, options?: RequestOptions): Promise<Alias> {
    return this.client.call(setAlias, { ...more, alias, workload }, options);
  }

  /** Aliases of the account, by name. `GET /aliases` */
  list(query: Query<typeof listAliases> = {}, options?: RequestOptions): Listing<Alias> {
    return this.client.list(listAliases, query, options);
  }

  /** Where an alias leads. `not_found`. `GET /aliases/{alias}` */
  get(alias: string, options?: RequestOptions): Promise<Alias> {
    return this.client.call(getAlias, { alias }, options);
  }

  /** The alias that was removed; its instance goes on. `not_found`. `DELETE /aliases/{alias}` */
  remove(alias: string, options?: RequestOptions): Promise<Alias> {
    return this.client.call(removeAlias, { alias }, options);
  }
}
