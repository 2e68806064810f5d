import type { RequestOptions } from '../client.ts';
import {
  type Balance,
  getBalance,
  listTransactions,
  listUsage,
  type Transaction,
  type UsageRow,
} from '../contract/index.ts';
import type { Listing, Query } from '../pagination.ts';
import { Resource } from './resource.ts';

/** Money is decimal strings of dollars, like "3.20". */
export class Billing extends Resource {
  /** What is free, what is held, and what an hour costs now. `GET /billing/balance` */
  balance(options?: RequestOptions): Promise<Balance> {
    return this.client.call(getBalance, {}, options);
  }

  /** Money moved, newest first. `GET /billing/transactions` */
  transactions(query: Query<typeof listTransactions> = {}, options?: RequestOptions): Listing<Transaction> {
    return this.client.list(listTransactions, query, options);
  }

  /** Requests metered, one by one or summed by `group_by`; `since` and `until` in Unix milliseconds. `GET /billing/usage` */
  usage(query: Query<typeof listUsage> = {}, options?: RequestOptions): Listing<UsageRow> {
    return this.client.list(listUsage, query, options);
  }
}
