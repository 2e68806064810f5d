import type { RequestOptions } from '../client.ts';
import { listCatalog, type PlatformModel } from '../contract/index.ts';
import type { Query } from '../pagination.ts';
import { Resource } from './resource.ts';

export class Catalog extends Resource {
  /** All platform models with prices in dollars (null: not priced yet) and regions. Needs no key. `GET /platform/models` */
  list(query: Query<typeof listCatalog> = {}, options?: RequestOptions): Promise<PlatformModel[]> {
    return this.client.call(listCatalog, query, options);
  }
}
