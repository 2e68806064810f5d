import type { Client } from './client.ts';
import {
  EcoError,
  type ErrorOptions,
  getWorkload,
  type Workload,
  type WorkloadState,
  waitForWorkload,
} from './contract/index.ts';
import { aborted, TIMER_MAX_MS } from './retry.ts';

export interface WaitOptions {
  /** In all; default 30 minutes. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called with what is there at first, and with every change of it. */
  onChange?: ((workload: Workload) => void) | undefined;
}

const WAIT_MS = 30 * 60_000;
/** Of one call of the wait endpoint: shorter than any proxy's patience. */
const ROUND_SECONDS = 25;
/** Enough to outlive a restart of the server: about a minute of back-off. */
const ROUND_RETRIES = 10;

/** Thrown while waiting: `workload_failed` when it can no longer get there by itself, `wait_timeout` at the deadline. */
export class WaitError extends EcoError {
  override name = 'WaitError';
  /** As it was seen last; undefined if it never was. */
  readonly workload: Workload | undefined;

  constructor(
    code: 'workload_failed' | 'wait_timeout',
    message: string,
    options: ErrorOptions & { workload: Workload | undefined },
  ) {
    super(code, message, { status: 0, ...options });
    this.workload = options.workload;
  }
}

/** Resolves once the workload is in one of `states` and that is the answer to everything that was asked of it so far. */
export async function waitUntil(
  client: Client,
  ref: string | number,
  states: readonly WorkloadState[],
  options: WaitOptions = {},
): Promise<Workload> {
  const { signal, onChange } = options;
  const timeoutMs = Math.min(options.timeoutMs ?? WAIT_MS, TIMER_MAX_MS);
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  let workload: Workload | undefined;
  try {
    for (;;) {
      const next: Workload = workload
        ? await nextRevision(client, workload, stop)
        : await client.call(getWorkload, { workload: ref }, { signal: stop });
      if (next.revision !== workload?.revision) onChange?.(next);
      workload = next;
      if (isReached(workload, states)) return workload;
      if (isDeadEnd(workload, states)) throw failed(workload);
    }
  } catch (error) {
    if (error instanceof WaitError) throw error;
    if (signal?.aborted) throw aborted(signal);
    if (deadline.aborted) throw late(ref, workload, timeoutMs);
    throw error;
  }
}

function nextRevision(client: Client, { id, revision }: Workload, signal: AbortSignal): Promise<Workload> {
  return client.call(
    waitForWorkload,
    { workload: id, revision, timeout_seconds: ROUND_SECONDS },
    { signal, maxRetries: ROUND_RETRIES },
  );
}

const isCurrent = ({ generation, observed_generation }: Workload) => observed_generation >= generation;

/** A state seen before the last change was carried out is not the answer to it. */
export function isReached(workload: Workload, states: readonly WorkloadState[]): boolean {
  return states.includes(workload.state) && isCurrent(workload);
}

/** Nothing that is waited for comes any more unless somebody asks for it. */
export function isDeadEnd(workload: Workload, states: readonly WorkloadState[]): boolean {
  const { state } = workload;
  if (states.includes(state) || states.includes('terminated')) return false;
  return state === 'terminated' || ((state === 'failed' || state === 'stopped') && isCurrent(workload));
}

function failed(workload: Workload): WaitError {
  const { ref, state, reason, message, hint } = workload;
  return new WaitError('workload_failed', `${ref} is ${state} (${reason}): ${message}`, {
    workload,
    hint: hint ?? `eco events ${workload.id}`,
  });
}

function late(ref: string | number, workload: Workload | undefined, timeoutMs: number): WaitError {
  const seen = workload ? `${workload.ref} is still ${workload.state} (${workload.reason})` : `${ref} was never seen`;
  const why = workload ? `: ${workload.message}` : ': the server did not answer.';
  return new WaitError('wait_timeout', `${seen} after ${Math.round(timeoutMs / 1000)} s${why}`, {
    workload,
    hint: `eco wait ${workload?.id ?? ref}`,
  });
}
