import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './client/connection.ts';
import { claimRegion, Impostor } from './identity.ts';
import type { Site } from './manifest/site.ts';

export interface OwnershipOptions {
  connection: Connection;
  site: Site;
  /** Of this installation, from a secret outside the database: pinned in the region. */
  identity: string;
  /** Told once when the region turns out to be somebody else's. */
  onImpostor(error: Impostor): void;
}

const AGAIN_MS = 5_000;

/** Until it is known whose region this is nothing is done in it. */
export class Ownership implements AsyncDisposable {
  readonly #options: OwnershipOptions;
  readonly #closing = new AbortController();
  readonly #claiming: Promise<void>;
  #trouble: unknown = new Error('it has not been reached yet');

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#claiming = this.#claim();
  }

  /** Why the region may not be touched; undefined once it is known to be ours. */
  get trouble(): unknown {
    return this.#trouble;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#claiming;
  }

  async #claim(): Promise<void> {
    const { signal } = this.#closing;
    const { connection, site, identity, onImpostor } = this.#options;
    while (!signal.aborted) {
      try {
        await claimRegion(connection, site, { identity, signal });
        this.#trouble = undefined;
        return;
      } catch (error) {
        if (error instanceof Impostor && !(this.#trouble instanceof Impostor)) onImpostor(error);
        this.#trouble = error;
      }
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
}
