import { EcoCommand } from '../base.ts';

export default class Whoami extends EcoCommand {
  static override summary = 'show whose key is in force, and where it comes from';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(Whoami);
    const eco = await this.client(flags);
    const { keyFrom, urlFrom, shadowed } = this.connection(flags);
    const who = await eco.account.whoAmI();
    this.record({
      server: `${eco.baseUrl} (${urlFrom})`,
      account: who.account ? `${who.account.name} (${who.account.id})` : 'none: this is an admin key',
      key: who.key && `${who.key.name} (…${who.key.last_four})`,
      'key from': shadowed === undefined ? keyFrom : `${keyFrom}, which goes before the login "${shadowed}"`,
    });
    return who;
  }
}
