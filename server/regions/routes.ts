import { listRegions, type Region } from '../../sdk/contract/index.ts';
import type { Context } from '../context.ts';
import { type App, route } from '../route.ts';
import { readStock, type Stock } from './stock.ts';

export function regionRoutes(app: App, context: Context): void {
  route(app, context, listRegions, async () => {
    const stock = await readStock(context.regions);
    return { object: 'list', data: stock.map(regionView), next: null };
  });
}

function regionView({ region, kind, offers, unreachable }: Stock): Region {
  return {
    object: 'region',
    name: region,
    kind,
    reachable: unreachable === null,
    message: unreachable,
    offers: [...offers],
  };
}
