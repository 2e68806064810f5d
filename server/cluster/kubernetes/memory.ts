import { CONTAINER } from './manifest/names.ts';
import type { ContainerStatus, Pod } from './objects.ts';

export interface Remembered {
  started_at: number | null;
  ready_at: number | null;
  restarted_at: readonly number[];
}

const NOTHING: Remembered = { started_at: null, ready_at: null, restarted_at: [] };
const RESTARTS_MAX = 10;
/** Pods that are gone are told of for so long, so that every pass hears how they ended. */
const GONE_KEPT_MS = 10 * 60_000;
const GONE_MAX = 1_000;

interface Note extends Remembered {
  restarts: number;
}

/** What pods themselves forget: their first start, when they were first ready, each restart, and that they existed. */
export class Memory {
  readonly #notes = new Map<string, Note>();
  readonly #gone = new Map<string, { pod: Pod; at: number }>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  of(pod: Pod): Remembered {
    return this.#notes.get(pod.metadata.uid ?? '') ?? NOTHING;
  }

  /** Pods that were deleted a while ago at most, and when. */
  gone(): readonly { pod: Pod; at: number }[] {
    return [...this.#gone.values()].filter(({ at }) => this.#clock() - at < GONE_KEPT_MS);
  }

  note(pod: Pod): void {
    const { uid } = pod.metadata;
    const status = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER);
    if (uid === undefined || !status) return;
    const before = this.#notes.get(uid) ?? { ...NOTHING, restarts: status.restartCount };
    const hasRestarted = status.restartCount > before.restarts;
    this.#notes.set(uid, {
      restarts: status.restartCount,
      started_at: before.started_at ?? startOf(status, Date.parse(pod.metadata.creationTimestamp ?? '') || 0),
      ready_at: before.ready_at ?? (status.ready ? this.#clock() : null),
      restarted_at: hasRestarted ? [...before.restarted_at, this.#clock()].slice(-RESTARTS_MAX) : before.restarted_at,
    });
  }

  noteGone(pod: Pod): void {
    const { uid } = pod.metadata;
    if (uid === undefined || !this.#notes.has(uid)) return;
    this.#gone.set(uid, { pod, at: this.#clock() });
    const [oldest] = this.#gone.keys();
    if (this.#gone.size <= GONE_MAX || oldest === undefined) return;
    this.#gone.delete(oldest);
    this.#notes.delete(oldest);
  }
}

/** Clocks of a node and of the API server may differ by so much. */
const SKEW_MAX_MS = 5 * 60_000;

/**
 * When its container ran first, as far as its status still tells. A container that could not be started is said to have
 * run in 1970: nothing runs before its pod was made.
 */
function startOf({ state, lastState }: ContainerStatus, madeAt: number): number | null {
  const starts = [lastState?.terminated?.startedAt, state?.terminated?.startedAt, state?.running?.startedAt]
    .map((text) => Date.parse(text ?? ''))
    .filter((time) => time > 0 && time >= madeAt - SKEW_MAX_MS);
  return starts.length > 0 ? Math.min(...starts) : null;
}
