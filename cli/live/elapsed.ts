const HOUR_S = 3_600;
const MINUTE_S = 60;

/** `14s`, `3m12s`, `2h05m`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds >= HOUR_S)
    return `${Math.floor(seconds / HOUR_S)}h${twoDigits(Math.floor((seconds % HOUR_S) / MINUTE_S))}m`;
  if (seconds >= MINUTE_S) return `${Math.floor(seconds / MINUTE_S)}m${twoDigits(seconds % MINUTE_S)}s`;
  return `${seconds}s`;
}

const twoDigits = (count: number) => String(count).padStart(2, '0');
