import type { Reason } from '../../../../sdk/contract/index.ts';

/** Why a replica is as it is, in a sentence that names the thing. */
export interface Verdict {
  reason: Reason;
  message: string;
}

export const verdict = (reason: Reason, message: string): Verdict => ({ reason, message });

const QUOTED_CHARS_MAX = 300;

/** What a cluster or an engine said, on one line and short enough to read. */
export function quoted(text: string | undefined): string {
  const line = (text ?? '').replace(/\s+/g, ' ').trim();
  return line.length > QUOTED_CHARS_MAX ? `${line.slice(0, QUOTED_CHARS_MAX)}…` : line;
}
