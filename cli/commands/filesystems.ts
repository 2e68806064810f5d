import { EcoCommand } from '../base.ts';
import type { Columns } from '../table.ts';

interface Row {
  region: string;
  name: string;
  mount: string;
  size_gib: number | null;
}

const columns: Columns<Row> = {
  REGION: ({ region }) => region,
  NAME: ({ name }) => name,
  MOUNT: ({ mount }) => mount,
  SIZE: ({ size_gib }) => size_gib && `${size_gib} GiB`,
};

export default class Filesystems extends EcoCommand {
  static override summary = 'list filesystems: where weights of your own can live';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(Filesystems);
    const eco = await this.client(flags);
    const { data: regions } = await eco.regions.list();
    const data: Row[] = regions.flatMap(({ name: region, filesystems }) =>
      filesystems.map((filesystem) => ({ region, ...filesystem })),
    );
    if (data.length > 0) this.table(data, columns);
    else this.note('No region has a filesystem. The operator adds them to ecolink.yaml.');
    return { object: 'list', data, next: null };
  }
}
