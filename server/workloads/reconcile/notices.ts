import type { Notice } from '../../cluster/driver.ts';
import type { Memory } from '../memory.ts';

const TOLD_MAX = 200;
/** Clusters tell times by the second. */
const ROUNDING_MS = 1_000;

/** What regions told of this attempt to run and no event tells yet. */
export function newNotices({ told, attempt_at }: Memory, notices: readonly Notice[]): Notice[] {
  const fresh = notices.filter(({ key, at }) => at + ROUNDING_MS > attempt_at && !told.includes(key));
  return [...new Map(fresh.map((notice) => [notice.key, notice])).values()];
}

export const remember = (memory: Memory, notices: readonly Notice[]): Memory =>
  notices.length === 0
    ? memory
    : { ...memory, told: [...memory.told, ...notices.map(({ key }) => key)].slice(-TOLD_MAX) };
