import { Args, Flags } from '@oclif/core';
import { creditKinds } from '../../../sdk/contract/accounts.ts';
import { EcoCommand } from '../../base.ts';
import { dollars } from '../../money.ts';

export default class AdminCredit extends EcoCommand {
  static override summary = 'add money to an account';
  static override examples = ['<%= config.bin %> <%= command.id %> acc_… 50.00 --reference invoice-17'];
  static override args = {
    account: Args.string({ required: true, description: 'id of the account' }),
    amount: Args.string({ required: true, description: 'dollars, like 50.00' }),
  };
  static override flags = {
    kind: Flags.option({ options: creditKinds, default: 'topup', description: 'what it is booked as' })(),
    description: Flags.string({ description: 'what the account reads beside it' }),
    reference: Flags.string({ description: 'your own id of the payment: the same one twice credits once' }),
  };

  async run() {
    const { args, flags } = await this.parse(AdminCredit);
    const { kind, description, reference } = flags;
    const eco = await this.client(flags, 'admin');
    const credit = await eco.admin.credit({
      account_id: args.account,
      amount: args.amount,
      kind,
      description,
      reference,
    });
    this.log(`Credited ${dollars(credit.amount)} to ${credit.account_id}, which has ${dollars(credit.available)} now.`);
    return credit;
  }
}
