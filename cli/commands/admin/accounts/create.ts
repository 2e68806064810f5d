import { Args, Flags } from '@oclif/core';
import { EcoCommand } from '../../../base.ts';

export default class AdminAccountsCreate extends EcoCommand {
  static override summary = 'create an account with its first key; the key is shown once';
  static override examples = ['<%= config.bin %> <%= command.id %> acme'];
  static override args = { name: Args.string({ required: true, description: 'name of the account' }) };
  static override flags = { quiet: Flags.boolean({ char: 'q', description: 'print only the key' }) };

  async run() {
    const { args, flags } = await this.parse(AdminAccountsCreate);
    const eco = await this.client(flags, 'admin');
    const account = await eco.admin.createAccount({ name: args.name });
    if (!flags.quiet)
      this.note(`Created ${account.name} (${account.id}). This is the only time that its first key is shown:`);
    this.log(account.secret);
    return account;
  }
}
