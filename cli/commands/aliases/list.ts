import { EcoCommand } from '../../base.ts';
import { pageFlags } from '../../shared-flags.ts';
import { formatAge } from '../../time.ts';

export default class AliasesList extends EcoCommand {
  static override summary = 'list aliases: names that stay while instances come and go';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override flags = pageFlags;

  async run() {
    const { flags } = await this.parse(AliasesList);
    const eco = await this.client(flags);
    const page = await eco.aliases.list({ limit: flags.limit, after: flags.after });
    const columns = {
      NAME: ({ name }: Alias) => name,
      'LEADS TO': ({ ref }: Alias) => ref,
      SINCE: ({ updated_at }: Alias) => formatAge(updated_at),
    };
    return this.showPage(page, columns, 'No aliases yet. Make one: eco aliases set --help');
  }
}

type Alias = import('../../../sdk/index.ts').Alias;
