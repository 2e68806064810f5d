import { listRegions, type Region } from '../../sdk/contract/index.ts';
import type { Context } from '../context.ts';
import { type App, route } from '../route.ts';
import { listFilesystems, type PlacedFilesystem } from './filesystems.ts';
import { readStock, type Stock } from './stock.ts';

export function regionRoutes(app: App, context: Context): void {
  route(app, context, listRegions, async ({ accountId }) => {
    const stock = await readStock(context.regions);
    const filesystems = listFilesystems(context.regions, accountId);
    return { object: 'list', data: stock.map((region) => regionView(region, filesystems)), next: null };
  });
}

function regionView({ region, kind, offers, unreachable }: Stock, filesystems: readonly PlacedFilesystem[]): Region {
  return {
    object: 'region',
    name: region,
    kind,
    reachable: unreachable === null,
    message: unreachable,
    offers: [...offers],
    filesystems: filesystems
      .filter((each) => each.region === region)
      .map(({ name, mount, size_gib }) => ({ name, mount, size_gib })),
  };
}
