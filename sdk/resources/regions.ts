import type { RequestOptions } from '../client.ts';
import { listRegions, type Region } from '../contract/index.ts';
import type { Listing } from '../pagination.ts';
import { Resource } from './resource.ts';

export class Regions extends Resource {
  /** Regions with their GPU offers, prices in dollars per GPU and hour, and what is free now. `GET /regions` */
  list(options?: RequestOptions): Listing<Region> {
    return this.client.list(listRegions, {}, options);
  }
}
