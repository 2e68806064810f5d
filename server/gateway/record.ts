import { priceUsage } from '../billing/price.ts';
import type { UsageRecord } from '../billing/settle.ts';
import type { Call } from './core.ts';
import type { MeteredCounts } from './counting/usage.ts';
import type { Replica } from './tables.ts';

/** How a call ended. `gateway_lost` comes in addition from the replay of a journal. */
export type CallStatus =
  | 'completed'
  | 'client_closed'
  | 'client_stalled'
  | 'upstream_cut'
  | 'gateway_shutdown'
  | 'failed';

export interface Outcome {
  status: CallStatus;
  counts: MeteredCounts;
  /** The last one that was tried. */
  replica: Replica | undefined;
  attempts: number;
  upstreamId: string | null;
  firstTokenMs: number | null;
  durationMs: number;
}

/** The one record of a call, priced as it was admitted. */
export function recordOf({ id, key, target, wantsEvents, startedAt }: Call, outcome: Outcome): UsageRecord {
  const { counts, replica } = outcome;
  return {
    day: dayOf(startedAt),
    id,
    account_id: key.account_id,
    key_id: key.id,
    model: target.model,
    workload_id: target.workload_id,
    region: replica?.region ?? null,
    replica_id: replica?.id ?? null,
    status: outcome.status,
    streamed: Number(wantsEvents),
    estimated: Number(counts.estimated),
    input_tokens: counts.input_tokens,
    cached_input_tokens: counts.cached_input_tokens,
    output_tokens: counts.output_tokens,
    images: counts.images ?? 0,
    audio_ms: counts.audio_ms ?? 0,
    characters: counts.characters ?? 0,
    documents: counts.documents ?? 0,
    video_ms: counts.video_ms ?? 0,
    cost_nanos: target.prices ? priceUsage(target.prices, counts) : 0n,
    attempts: outcome.attempts,
    upstream_id: outcome.upstreamId,
    started_at: startedAt,
    first_token_ms: outcome.firstTokenMs,
    duration_ms: outcome.durationMs,
  };
}

const DAY_MS = 86_400_000;
let today = { number: -1, text: '' };

/** UTC day of the time that the id was made with, as `2026-11-21`. */
function dayOf(startedAt: number): string {
  const number = Math.floor(startedAt / DAY_MS);
  if (number !== today.number) today = { number, text: new Date(number * DAY_MS).toISOString().slice(0, 10) };
  return today.text;
}
