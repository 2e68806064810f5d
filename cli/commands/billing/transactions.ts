import { Flags } from '@oclif/core';
import { transactionKinds } from '../../../sdk/contract/billing.ts';
import type { Transaction } from '../../../sdk/index.ts';
import { EcoCommand } from '../../base.ts';
import { dollars } from '../../money.ts';
import { pageFlags } from '../../shared-flags.ts';
import type { Columns } from '../../table.ts';
import { formatAge } from '../../time.ts';

const columns: Columns<Transaction> = {
  AGE: ({ created_at }) => formatAge(created_at),
  KIND: ({ kind }) => kind,
  AMOUNT: ({ amount }) => dollars(amount),
  AFTER: ({ available_after }) => dollars(available_after),
  DESCRIPTION: ({ description }) => description,
};

export default class BillingTransactions extends EcoCommand {
  static override summary = 'list money moved, newest first';
  static override examples = ['<%= config.bin %> <%= command.id %> --kind hold'];
  static override flags = {
    ...pageFlags,
    kind: Flags.option({ options: transactionKinds, description: 'only this kind' })(),
  };

  async run() {
    const { flags } = await this.parse(BillingTransactions);
    const { limit, after, kind } = flags;
    const eco = await this.client(flags);
    return this.showPage(await eco.billing.transactions({ limit, after, kind }), columns, 'No money has moved yet.');
  }
}
