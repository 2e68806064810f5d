import { EcoCommand } from '../../../base.ts';
import { dollars } from '../../../money.ts';
import { pageFlags } from '../../../shared-flags.ts';
import { formatAge } from '../../../time.ts';

export default class AdminAccountsList extends EcoCommand {
  static override summary = 'list accounts with their balances';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override flags = pageFlags;

  async run() {
    const { flags } = await this.parse(AdminAccountsList);
    const eco = await this.client(flags, 'admin');
    const page = await eco.admin.listAccounts({ limit: flags.limit, after: flags.after });
    return this.showPage(
      page,
      {
        ID: ({ id }) => id,
        NAME: ({ name }) => name,
        AVAILABLE: ({ available }) => dollars(available),
        HELD: ({ held }) => dollars(held),
        AGE: ({ created_at }) => formatAge(created_at),
      },
      'No accounts. Make one: eco admin accounts create --help',
    );
  }
}
