import type { RequestOptions } from '../client.ts';
import {
  type AdminModel,
  type Audit,
  type Credit,
  createAccount,
  creditAccount,
  type Input,
  importModels,
  listAccounts,
  listAdminModels,
  type Output,
  priceModel,
  runAudit,
} from '../contract/index.ts';
import type { Listing, Query, Row } from '../pagination.ts';
import { Resource } from './resource.ts';

/** Needs the operator's admin key: `forbidden` with any other. */
export class Admin extends Resource {
  /** The account with the `secret` of its first key, shown this once. `POST /admin/accounts` */
  createAccount(input: Input<typeof createAccount>, options?: RequestOptions): Promise<Output<typeof createAccount>> {
    return this.client.call(createAccount, input, options);
  }

  /** Accounts with their balances in dollars, newest first. `GET /admin/accounts` */
  listAccounts(query: Query<typeof listAccounts> = {}, options?: RequestOptions): Listing<Row<typeof listAccounts>> {
    return this.client.list(listAccounts, query, options);
  }

  /** The balance after; the same `reference` twice credits once. `not_found`. `POST /admin/accounts/{account_id}/credit` */
  credit(input: Input<typeof creditAccount>, options?: RequestOptions): Promise<Credit> {
    return this.client.call(creditAccount, input, options);
  }

  /** Ids of the platform models that were made or changed; prices already set stay. `POST /admin/models` */
  importModels(input: Input<typeof importModels>, options?: RequestOptions): Promise<Output<typeof importModels>> {
    return this.client.call(importModels, input, options);
  }

  /** The model with its prices in dollars. `not_found`. `POST /admin/prices` */
  priceModel(input: Input<typeof priceModel>, options?: RequestOptions): Promise<AdminModel> {
    return this.client.call(priceModel, input, options);
  }

  /** Platform models with their backends, disabled ones too. `GET /admin/models` */
  listModels(options?: RequestOptions): Listing<AdminModel> {
    return this.client.list(listAdminModels, {}, options);
  }

  /** Every difference between what is kept and what its rows add up to; `clean` if there is none. `GET /admin/audit` */
  audit(options?: RequestOptions): Promise<Audit> {
    return this.client.call(runAudit, {}, options);
  }
}
