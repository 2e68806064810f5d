import { Flags } from '@oclif/core';
import { usageGroups } from '../../../sdk/contract/billing.ts';
import type { UsageRow } from '../../../sdk/index.ts';
import { EcoCommand } from '../../base.ts';
import { dollars } from '../../money.ts';
import { duration, pageFlags } from '../../shared-flags.ts';
import type { Columns } from '../../table.ts';

const columns = (by: string, rows: readonly UsageRow[]): Columns<UsageRow> => ({
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
  ...unitColumns(rows),
  COST: ({ cost }) => dollars(cost),
});

const units: Columns<UsageRow> = {
  IMAGES: ({ images }) => images,
  'AUDIO S': ({ audio_seconds }) => audio_seconds,
  CHARACTERS: ({ characters }) => characters,
  DOCUMENTS: ({ documents }) => documents,
  'VIDEO S': ({ video_seconds }) => video_seconds,
};

/** Of the units that are not tokens, those that some row has. */
const unitColumns = (rows: readonly UsageRow[]): Columns<UsageRow> =>
  Object.fromEntries(Object.entries(units).filter(([, show]) => rows.some((row) => Number(show(row)) > 0)));

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
    const page = await eco.billing.usage({ limit, after, group_by: by, since });
    return this.showPage(page, columns(by, page.data), 'Nothing was used.');
  }
}
