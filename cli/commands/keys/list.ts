import type { Key } from '../../../sdk/index.ts';
import { EcoCommand } from '../../base.ts';
import { dollars } from '../../money.ts';
import { pageFlags } from '../../shared-flags.ts';
import type { Columns } from '../../table.ts';
import { formatAge } from '../../time.ts';

const columns: Columns<Key> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  KEY: ({ last_four }) => `…${last_four}`,
  SCOPES: ({ scopes }) => scopes?.join(',') ?? 'all',
  CAP: ({ spend_cap }) => spend_cap && dollars(spend_cap),
  AGE: ({ created_at }) => formatAge(created_at),
  STATE: stateOf,
};

export default class KeysList extends EcoCommand {
  static override summary = 'list API keys';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override hiddenAliases = ['keys:ls'];
  static override flags = pageFlags;

  async run() {
    const { flags } = await this.parse(KeysList);
    const eco = await this.client(flags);
    return this.showPage(await eco.keys.list({ limit: flags.limit, after: flags.after }), columns, 'No keys.');
  }
}

function stateOf({ revoked_at, expires_at }: Key): string {
  if (revoked_at !== null) return `revoked ${formatAge(revoked_at)} ago`;
  if (expires_at === null) return 'active';
  return expires_at > Date.now()
    ? `expires in ${formatAge(Date.now(), expires_at)}`
    : `expired ${formatAge(expires_at)} ago`;
}
