import type { RequestOptions } from '../client.ts';
import { type WhoAmI, whoAmI } from '../contract/index.ts';
import { Resource } from './resource.ts';

export class AccountResource extends Resource {
  /** The account and key that ask; both null for an admin key. `invalid_api_key` if the key is unknown, revoked or expired. `GET /whoami` */
  whoAmI(options?: RequestOptions): Promise<WhoAmI> {
    return this.client.call(whoAmI, {}, options);
  }
}
