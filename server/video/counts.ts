import { NO_UNITS, type TokenCounts, type UnitCounts } from '../billing/price.ts';

/** What a video of so many milliseconds uses: nothing else is counted. */
export const videoCounts = (video_ms: number): TokenCounts & UnitCounts => ({
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  ...NO_UNITS,
  video_ms,
});
