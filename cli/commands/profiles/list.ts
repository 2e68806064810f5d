import { EcoCommand } from '../../base.ts';
import { readUserFile } from '../../config/user-file.ts';
import type { Columns } from '../../table.ts';

interface Row {
  name: string;
  api_url: string;
  keys: string[];
  in_force: boolean;
}

const columns: Columns<Row> = {
  '': ({ in_force }) => (in_force ? '*' : ' '),
  PROFILE: ({ name }) => name,
  SERVER: ({ api_url }) => api_url,
  KEYS: ({ keys }) => keys.join(', '),
};

export default class ProfilesList extends EcoCommand {
  static override summary = 'list stored logins; * marks the one in force';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override hiddenAliases = ['profiles:ls'];

  async run() {
    const { flags } = await this.parse(ProfilesList);
    const current = this.settings(flags).profile;
    const data = Object.entries(readUserFile().profiles).map(([name, { api_url, api_key, admin_key }]) => ({
      name,
      api_url,
      keys: [...(api_key ? ['account'] : []), ...(admin_key ? ['admin'] : [])],
      in_force: name === current?.value,
    }));
    if (data.length > 0) this.table(data, columns);
    else if (!this.jsonEnabled()) this.note('Nobody is logged in. Log in with: eco login');
    if (process.env.ECO_API_KEY && !this.jsonEnabled()) this.note('ECO_API_KEY is set and goes before all of them.');
    return { object: 'list' as const, data };
  }
}
