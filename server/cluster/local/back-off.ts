const FIRST_MS = 1_000;
export const BACK_OFF_MAX_MS = 60_000;
/** A process that was ready for so long has run well: the next crash counts as the first. */
export const RAN_WELL_MS = 60_000;

/** How long to wait before the start after the n-th crash in a row: 1 s, 2 s, 4 s … 60 s. */
export const backOffMs = (crashes: number): number =>
  Math.min(BACK_OFF_MAX_MS, FIRST_MS * 2 ** Math.max(0, crashes - 1));
