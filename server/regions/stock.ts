import type { Offer } from '../../sdk/contract/index.ts';
import type { ClusterDriver } from '../cluster/driver.ts';
import { within } from './within.ts';

/** What a region has to give now. A region that cannot be asked has nothing, and says why. */
export interface Stock {
  region: string;
  kind: ClusterDriver['kind'];
  offers: readonly Offer[];
  /** Engines that it runs without an image. */
  engines: readonly string[];
  unreachable: string | null;
}

const OFFERS_TIMEOUT_MS = 3_000;

/** Asks these regions at once, or all; one that hangs costs its deadline and nothing more. Unknown names are left out. */
export function readStock(
  regions: ReadonlyMap<string, ClusterDriver>,
  names: Iterable<string> = regions.keys(),
): Promise<Stock[]> {
  return Promise.all([...names].flatMap((name) => regions.get(name) ?? []).map(stockOf));
}

async function stockOf(driver: ClusterDriver): Promise<Stock> {
  const { region, kind } = driver;
  const known = { region, kind, engines: driver.installedEngines() };
  try {
    return { ...known, offers: await within(OFFERS_TIMEOUT_MS, region, driver.offers()), unreachable: null };
  } catch (error) {
    return { ...known, offers: [], unreachable: error instanceof Error ? error.message : String(error) };
  }
}
