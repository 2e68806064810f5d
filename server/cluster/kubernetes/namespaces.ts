import { isNotFound } from './client/api-error.ts';
import { apply } from './client/apply.ts';
import type { Connection } from './client/connection.ts';
import { objectPath } from './client/resources.ts';
import { Declined } from './declined.ts';
import { systemNamespace } from './manifest/names.ts';
import { namespaceManifests, pullSecretManifest } from './manifest/namespace.ts';
import type { Site } from './manifest/site.ts';
import type { Secret } from './objects.ts';

/** What was changed by hand is put right, and a pull secret that was replaced is taken over, by this time. */
const AGAIN_MS = 10 * 60_000;

interface Made {
  at: number;
  done: Promise<void>;
}

/** The namespaces of accounts, with quota and pull secrets: made when one is first needed, and made sure of now and then. */
export class Namespaces {
  readonly #connection: Connection;
  readonly #site: Site;
  readonly #clock: () => number;
  readonly #made = new Map<string, Made>();

  constructor(connection: Connection, site: Site, clock: () => number) {
    this.#connection = connection;
    this.#site = site;
    this.#clock = clock;
  }

  ensure(account_id: string): Promise<void> {
    const known = this.#made.get(account_id);
    const now = this.#clock();
    if (known && now - known.at < AGAIN_MS) return known.done;
    const done = this.#make(account_id);
    this.#made.set(account_id, { at: now, done });
    done.catch(() => this.forget(account_id));
    return done;
  }

  /** It may have been removed by hand. */
  forget(account_id: string): void {
    this.#made.delete(account_id);
  }

  async #make(account_id: string): Promise<void> {
    for (const manifest of namespaceManifests(account_id, this.#site)) await apply(this.#connection, manifest);
    for (const name of this.#site.image_pull_secrets) {
      const secret = await this.#readPullSecret(name);
      await apply(this.#connection, pullSecretManifest(secret, account_id, this.#site));
    }
  }

  /** Pods read pull secrets of their own namespace only: the operator keeps one, and each account gets a copy. */
  async #readPullSecret(name: string): Promise<Secret> {
    const namespace = systemNamespace(this.#site.namespace_prefix);
    try {
      return await this.#connection.json<Secret>(objectPath('Secret', { name, namespace }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new Declined('image_auth', `the pull secret "${name}" is not in the namespace ${namespace}`, {
        isHopeless: false,
      });
    }
  }
}
