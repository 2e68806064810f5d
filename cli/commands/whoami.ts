import { EcoCommand } from '../base.ts';

export default class Whoami extends EcoCommand {
  static override summary = 'show whose key is in force';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(Whoami);
    const eco = await this.client(flags);
    const who = await eco.account.whoAmI();
    this.record({
      server: eco.baseUrl,
      account: who.account ? `${who.account.name} (${who.account.id})` : 'none: this is an admin key',
      key: who.key && `${who.key.name} (…${who.key.last_four})`,
      from: process.env.ECO_API_KEY ? 'ECO_API_KEY, which goes before any login' : 'login',
    });
    return who;
  }
}
