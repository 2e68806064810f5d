import { type ClusterDriver, RegionUnreachable } from '../cluster/driver.ts';
import { within } from './within.ts';

/** Asks regions with a deadline. One that takes long to fail is left alone for a while, so that it holds nobody up. */
export interface Circuit {
  ask<T>(region: string, call: (driver: ClusterDriver) => Promise<T>): Promise<T>;
}

const CALL_TIMEOUT_MS = 10_000;
const SLOW_MS = 1_000;
const REST_MIN_MS = 1_000;
const REST_MAX_MS = 30_000;

interface Rest {
  until: number;
  ms: number;
  error: RegionUnreachable;
}

export function openCircuit(regions: ReadonlyMap<string, ClusterDriver>, clock: () => number): Circuit {
  const resting = new Map<string, Rest>();

  const fail = (region: string, error: RegionUnreachable) => {
    const ms = Math.min(REST_MAX_MS, (resting.get(region)?.ms ?? REST_MIN_MS / 2) * 2);
    resting.set(region, { until: clock() + ms, ms, error });
  };

  return {
    async ask(region, call) {
      const rest = resting.get(region);
      if (rest && clock() < rest.until) throw rest.error;
      const driver = regions.get(region);
      if (!driver) throw new RegionUnreachable(region, 'it is not configured on this server');
      const began = performance.now();
      try {
        const answer = await within(CALL_TIMEOUT_MS, region, call(driver));
        resting.delete(region);
        return answer;
      } catch (error) {
        const tookMs = performance.now() - began;
        if (error instanceof RegionUnreachable && tookMs >= SLOW_MS) fail(region, error);
        throw error;
      }
    },
  };
}
