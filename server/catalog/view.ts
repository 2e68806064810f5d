import type { AdminModel, CatalogEntry, PlatformModel } from '../../sdk/contract/index.ts';
import type { PlatformModelRow } from '../db/schema.ts';
import { decodeEntry, decodePrices } from './store.ts';

/** Regions in which a workload has a ready replica, by workload id. */
export type ReadyRegions = ReadonlyMap<number, readonly string[]>;

/** What everybody may see of a platform model. */
export function platformModelView(row: PlatformModelRow, ready: ReadyRegions): PlatformModel {
  const { backends, prices: _asImported, ...entry } = decodeEntry(row);
  return { object: 'platform_model', ...entry, prices: decodePrices(row), regions: regionsOf(backends, ready) };
}

export function adminModelView(row: PlatformModelRow, ready: ReadyRegions): AdminModel {
  return { ...platformModelView(row, ready), backends: decodeEntry(row).backends };
}

function regionsOf(backends: CatalogEntry['backends'], ready: ReadyRegions): string[] {
  const regions = backends.flatMap((backend) =>
    backend.type === 'upstream' ? [backend.region] : (ready.get(backend.workload_id) ?? []),
  );
  return [...new Set(regions)].toSorted();
}
