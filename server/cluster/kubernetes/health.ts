import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from './client/api-error.ts';
import type { Connection } from './client/connection.ts';

export interface HealthOptions {
  connection: Connection;
  /** What the watches say now. */
  trouble(): unknown;
  /** Told when the region can be asked no more, and when it can again. */
  onFlip(trouble: unknown): void;
}

const PULSE_MS = 5_000;
/** One that is silent is asked more often, so that it is back as soon as it answers. */
const PULSE_AGAIN_MS = 1_000;
const PULSE_MAX_MS = 60_000;
/** A server under load may take seconds; one that takes longer than this is of no use. */
const SILENCE_MS = 10_000;
const LOOK_MS = 500;
/** An API server that is restarted is back before this: nobody need hear of it. */
const PATIENCE_MS = 5_000;

interface Silence {
  since: number;
  error: unknown;
}

/** Whether a region can be asked: its watches work, and its API server answers. */
export class Health implements AsyncDisposable {
  readonly #options: HealthOptions;
  readonly #closing = new AbortController();
  readonly #pulsing: Promise<void>;
  readonly #looking: NodeJS.Timeout;
  #silence: Silence | undefined;
  #troubledSince: number | undefined;
  #wasWell = false;
  #told: unknown;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#told = options.trouble(); // at the start nobody has asked it yet
    this.#pulsing = this.#pulse();
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Why the region cannot be asked; undefined where it can. */
  get trouble(): unknown {
    if (this.#silence && performance.now() - this.#silence.since >= SILENCE_MS) return this.#silence.error;
    const trouble = this.#options.trouble();
    if (trouble === undefined) {
      this.#wasWell = true;
      this.#troubledSince = undefined;
      return undefined;
    }
    this.#troubledSince ??= performance.now();
    const isPassing = this.#wasWell && performance.now() - this.#troubledSince < PATIENCE_MS;
    return isPassing ? undefined : trouble;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#looking);
    await this.#pulsing;
  }

  #look(): void {
    const { trouble } = this;
    const hasFlipped = (trouble === undefined) !== (this.#told === undefined);
    this.#told = trouble;
    if (hasFlipped) this.#options.onFlip(trouble);
  }

  /** A watch on a connection that hangs looks like a quiet one: so the server is asked now and then. */
  async #pulse(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await sleep(pauseMs(this.#silence), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const asked = performance.now();
      try {
        const response = await this.#options.connection.open('/readyz', { signal, timeoutMs: SILENCE_MS });
        await response.body.dump();
        this.#silence = undefined;
      } catch (error) {
        this.#silence = { since: this.#silence?.since ?? asked, error };
      }
    }
  }
}

/** Until the next pulse: soon after a silence, unless the server itself wants to be left alone. */
function pauseMs(silence: Silence | undefined): number {
  if (!silence) return PULSE_MS;
  const { error } = silence;
  const askedMs = error instanceof ApiError ? (error.retryAfter ?? 0) * 1_000 : 0;
  return Math.min(PULSE_MAX_MS, Math.max(PULSE_AGAIN_MS, askedMs));
}
