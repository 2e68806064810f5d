import { Flags } from '@oclif/core';
import { usageGroups } from '../../../sdk/contract/billing.ts';
import type { UsageRow } from '../../../sdk/index.ts';
import { EcoCommand } from '../../base.ts';
import { dollars } from '../../money.ts';
import { duration, pageFlags } from '../../shared-flags.ts';
import type { Columns } from '../../table.ts';

const columns = (by: string): Columns<UsageRow> => ({
  [by.toUpperCase()]: ({ group }) => group,
  ...(by === 'request' && {
    MODEL: ({ model }) => model,
    REGION: ({ region }) => region,
    STATUS: ({ status }) => status,
  }),
  REQUESTS: ({ requests }) => requests,
  IN: ({ input_tokens }) => input_tokens,
  CACHED: ({ cached_input_tokens }) => cached_input_tokens,
  OUT: ({ output_tokens, estimated }) => `${output_tokens}${estimated ? ' (estimated)' : ''}`,
  COST: ({ cost }) => dollars(cost),
});

export default class BillingUsage extends EcoCommand {
  static override summary = 'show the requests metered, one by one or summed';
  static override examples = ['<%= config.bin %> <%= command.id %> --by model --since 7d'];
  static override flags = {
    ...pageFlags,
    by: Flags.option({ options: usageGroups, default: 'day', description: 'what to sum by' })(),
    since: duration({ helpValue: '30d', description: 'only what is younger; default 30d' }),
  };

  async run() {
    const { flags } = await this.parse(BillingUsage);
    const { limit, after, by } = flags;
    const since = flags.since === undefined ? undefined : Date.now() - flags.since;
    const eco = await this.client(flags);
    return this.showPage(
      await eco.billing.usage({ limit, after, group_by: by, since }),
      columns(by),
      'Nothing was used.',
    );
  }
}
