import type { Deployment, Notice } from '../driver.ts';
import { openMask } from '../mask.ts';
import { makeClaims } from './claims.ts';
import { isNotFound } from './client/api-error.ts';
import { apply, remove } from './client/apply.ts';
import type { Connection } from './client/connection.ts';
import { Declined, declinedOf } from './declined.ts';
import { Drift, describeDifference, hashOf, marked } from './drift.ts';
import { companionManifests, type OwnerReference, secretManifest } from './manifest/companions.ts';
import { deploymentManifest } from './manifest/deployment.ts';
import { labelNames } from './manifest/names.ts';
import type { Site } from './manifest/site.ts';
import { Namespaces } from './namespaces.ts';
import { keyOf } from './notices.ts';
import type { KubeObject, Deployment as LiveDeployment } from './objects.ts';

interface DeclarationsOptions {
  region: string;
  connection: Connection;
  site: Site;
  /** The Deployment of a workload as the watch last said. */
  deploymentOf(uid: string): LiveDeployment | undefined;
  clock(): number;
}

interface Known {
  generation: number;
  declined: Declined | undefined;
  /** Changes by hand. */
  notices: Notice[];
}

const NOTICES_MAX = 20;
const DECLARE_TIMEOUT_MS = 8_000;

/** What this server declared in a region, and what became of it. Forgetting any of it costs a declaration more, no more. */
export class Declarations {
  readonly #options: DeclarationsOptions;
  readonly #namespaces: Namespaces;
  readonly #drift = new Drift();
  readonly #known = new Map<string, Known>();

  constructor(options: DeclarationsOptions) {
    this.#options = options;
    this.#namespaces = new Namespaces(options.connection, options.site, options.clock);
  }

  /** Makes it so, or is over in time: what came later would be of a pass that is long past. Throws `Declined` where the region says no. */
  async declare(wanted: Deployment): Promise<void> {
    if (wanted.replicas === 0 && !this.#options.deploymentOf(wanted.uid)) return this.forget(wanted.uid);
    const known = this.#knownOf(wanted.uid);
    known.generation = wanted.generation;
    try {
      const signal = AbortSignal.timeout(DECLARE_TIMEOUT_MS);
      if (wanted.replicas === 0) await this.#remove(wanted, signal);
      else await this.#apply(wanted, signal);
      known.declined = undefined;
    } catch (error) {
      if (isNotFound(error)) this.#namespaces.forget(wanted.account_id);
      known.declined = declinedOf(error, openMask(wanted.secrets));
      throw known.declined ?? error;
    }
  }

  /** What the region said to another generation is over. */
  of(uid: string, generation?: number): Readonly<Known> {
    const known = this.#known.get(uid) ?? UNKNOWN;
    return generation === undefined || known.generation === generation ? known : { ...known, declined: undefined };
  }

  forget(uid: string): void {
    this.#known.delete(uid);
    this.#drift.forget(uid);
  }

  /** What somebody else has changed becomes a notice; the next declaration puts it right. */
  noteDrift(deployment: LiveDeployment): void {
    const { name, uid: objectUid = '', generation, labels } = deployment.metadata;
    const uid = labels?.[labelNames.uid] ?? '';
    const differences = this.#drift.differences(uid, deployment);
    if (differences.length === 0) return;
    const { region, clock } = this.#options;
    const notice: Notice = {
      key: keyOf(objectUid, 'drift', String(generation)),
      at: clock(),
      type: 'warning',
      reason: 'changed_by_hand',
      message: `Somebody changed ${name} in ${region}: ${differences.map(describeDifference).join(', ')}. It is put right.`,
    };
    const known = this.#knownOf(uid);
    known.notices = [...known.notices.filter(({ key }) => key !== notice.key), notice].slice(-NOTICES_MAX);
  }

  #knownOf(uid: string): Known {
    const known = this.#known.get(uid) ?? { ...UNKNOWN };
    this.#known.set(uid, known);
    return known;
  }

  async #apply(wanted: Deployment, signal: AbortSignal): Promise<void> {
    const { connection, site, clock, deploymentOf } = this.#options;
    const offer = site.offers.find(({ type }) => type === wanted.gpu.type);
    if (!offer) throw new Declined('no_such_gpu', `it has no GPUs of type ${wanted.gpu.type}`, { isHopeless: true });
    const { uid } = wanted;
    const manifest = deploymentManifest(wanted, offer, site);
    const secret = secretManifest(wanted, site);
    const hash = hashOf([manifest, secret, ...companionManifests(wanted, site, undefined)]);
    const now = clock();
    if (this.#drift.isAsDeclared(uid, { hash, live: deploymentOf(uid), now })) return;
    await this.#namespaces.ensure(wanted.account_id);
    await makeClaims(connection, wanted, { site, signal });
    const owner = secret && (await this.#applySecret(secret, manifest, signal));
    const made = await apply(connection, marked(manifest, hash), { signal });
    if (secret && owner?.uid !== made.metadata.uid) await this.#applyOwned(secret, ownerOf(made), signal); // its owner has just gone
    const companions = companionManifests(wanted, site, ownerOf(made));
    await Promise.all(companions.map((companion) => apply(connection, companion, { signal })));
    this.#drift.note(uid, { hash, manifest, made, at: now });
  }

  /** Before the pods that read it, and never without an owner that takes it along: so a new Deployment is paused at first. */
  async #applySecret(
    secret: KubeObject,
    manifest: ReturnType<typeof deploymentManifest>,
    signal: AbortSignal,
  ): Promise<OwnerReference> {
    const { connection, deploymentOf } = this.#options;
    const uid = manifest.metadata.labels?.[labelNames.uid] ?? '';
    const paused = { ...manifest, spec: { ...manifest.spec, paused: true } };
    const owner = ownerOf(deploymentOf(uid) ?? (await apply(connection, paused, { signal })));
    await this.#applyOwned(secret, owner, signal);
    return owner;
  }

  #applyOwned(secret: KubeObject, owner: OwnerReference, signal: AbortSignal): Promise<KubeObject> {
    const { connection } = this.#options;
    return apply(connection, { ...secret, metadata: { ...secret.metadata, ownerReferences: [owner] } }, { signal });
  }

  /** The cluster removes with it what belongs to it, and its pods with their grace. */
  async #remove({ uid }: Deployment, signal: AbortSignal): Promise<void> {
    const found = this.#options.deploymentOf(uid);
    if (!found || found.metadata.deletionTimestamp !== undefined) return;
    await remove(this.#options.connection, 'Deployment', found.metadata, { signal });
  }
}

const UNKNOWN: Known = { generation: 0, declined: undefined, notices: [] };

const ownerOf = ({ metadata }: KubeObject): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: metadata.name,
  uid: metadata.uid ?? '',
});
