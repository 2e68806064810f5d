import type { Offer, Region } from '../../sdk/index.ts';
import { EcoCommand } from '../base.ts';
import { dollars } from '../money.ts';
import type { Columns } from '../table.ts';

interface Row {
  region: Region;
  offer: Offer | undefined;
}

const columns: Columns<Row> = {
  REGION: ({ region }) => region.name,
  KIND: ({ region }) => region.kind,
  GPU: ({ offer }) => offer && `${offer.gpu}${offer.simulated ? ' (simulated)' : ''}`,
  PRICE: ({ offer }) => offer && `${dollars(offer.price_per_hour)}/h`,
  FREE: ({ offer }) => offer && `${offer.free} of ${offer.total}`,
  'LARGEST BLOCK': ({ offer }) => offer?.largest_free_block,
  FILESYSTEMS: ({ region }) => region.filesystems.map(({ name }) => name).join(', ') || null,
  STATE: ({ region }) => (region.reachable ? 'reachable' : `unreachable: ${region.message ?? 'no reason given'}`),
};

export default class Regions extends EcoCommand {
  static override summary = 'list regions with their GPUs, prices, filesystems and what is free';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(Regions);
    const eco = await this.client(flags);
    const { data, next } = await eco.regions.list();
    const rows = data.flatMap((region) =>
      (region.offers.length > 0 ? region.offers : [undefined]).map((offer) => ({ region, offer })),
    );
    this.table<Row>(rows, columns);
    return { object: 'list', data, next };
  }
}
