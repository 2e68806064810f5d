import type { RequestOptions } from '../client.ts';
import { listRegions, type Region } from '../contract/index.ts';
import type { Listing } from '../pagination.ts';
import { Resource } from './resource.ts';

export class Regions extends Resource {
  /** Regions with their GPU offers, prices in dollars per GPU and hour, what is free now, and filesystems with where replicas have them. `GET /regions` */
  list(options?: RequestOptions): Listing<Region> {
    return this.client.list(listRegions, {}, options);
  }
}
