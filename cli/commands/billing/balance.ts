import { EcoCommand } from '../../base.ts';
import { dollars } from '../../money.ts';

export default class BillingBalance extends EcoCommand {
  static override summary = 'show what is free, what is held and what an hour costs now';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(BillingBalance);
    const eco = await this.client(flags);
    const balance = await eco.billing.balance();
    const { available, held, burn_rate_per_hour } = balance;
    this.record({
      available: dollars(available),
      held: dollars(held),
      'burn rate': `${dollars(burn_rate_per_hour)}/h`,
    });
    return balance;
  }
}
