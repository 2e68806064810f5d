import { RegionUnreachable } from '../cluster/driver.ts';

/** The answer, or `RegionUnreachable` when it does not come in time. */
export async function within<T>(timeoutMs: number, region: string, answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const fail = () => reject(new RegionUnreachable(region, `no answer within ${timeoutMs / 1000} s`));
  const timer = setTimeout(fail, timeoutMs);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
