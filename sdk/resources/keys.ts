import type { RequestOptions } from '../client.ts';
import { createKey, type Input, type Key, listKeys, type Output, revokeKey } from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { Resource } from './resource.ts';

export class Keys extends Resource {
  /** The new key with its `secret`, which is shown this once. `spend_cap` in dollars, `expires_at` in Unix milliseconds. `POST /keys` */
  create(input: Input<typeof createKey>, options?: RequestOptions): Promise<Output<typeof createKey>> {
    return this.client.call(createKey, input, options);
  }

  /** Keys, newest first, without their secrets. `GET /keys` */
  list(query: Query<typeof listKeys> = {}, options?: RequestOptions): Listing<Key> {
    return this.client.list(listKeys, query, options);
  }

  /** The key with its `revoked_at`; it is refused from then on, requests under way finish. `not_found`. `DELETE /keys/{key_id}` */
  revoke(key_id: string, options?: RequestOptions): Promise<Key> {
    return this.client.call(revokeKey, { key_id }, options);
  }
}
