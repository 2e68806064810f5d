import type { Offer } from '../../../sdk/contract/index.ts';
import type { WorkloadAsked, WorkloadKey } from '../driver.ts';
import { openMask } from '../mask.ts';
import type { RegionCache } from './cache.ts';
import { offersOf } from './capacity.ts';
import type { Sight } from './evidence/workload.ts';
import { labelNames } from './manifest/names.ts';
import type { Site } from './manifest/site.ts';
import { masked } from './masked.ts';
import type { Deployment, KubeObject, Pod } from './objects.ts';

interface OursOptions {
  region: string;
  site: Site;
  cache: RegionCache;
  clock: () => number;
}

/** What of a region's objects is this installation's, as the watches last said. */
export class Ours {
  readonly #options: OursOptions;

  constructor(options: OursOptions) {
    this.#options = options;
  }

  deploymentOf(uid: string): Deployment | undefined {
    return this.#of(uid, this.#options.cache.deployments.values())[0];
  }

  podsOf(uid: string): Pod[] {
    return this.#of(uid, this.#options.cache.pods.values());
  }

  /** Each that has something in the region, once. */
  workloads(): WorkloadKey[] {
    const { pods, deployments } = this.#options.cache;
    const found = [...pods.values(), ...deployments.values()].flatMap((object) => {
      const { [labelNames.uid]: uid, [labelNames.workload]: workload_id } = object.metadata.labels ?? {};
      return this.#isOurs(object) && uid !== undefined ? [[uid, Number(workload_id)] as const] : [];
    });
    return [...new Map(found)].map(([uid, workload_id]) => ({ uid, workload_id }));
  }

  offers(): Offer[] {
    const { site, cache } = this.#options;
    const { installation, tolerations, offers } = site;
    return offersOf(offers, { installation, tolerations, nodes: cache.nodes.values(), pods: cache.pods.values() });
  }

  /** All that is known of one workload; `declared` is what this server knows of it, `pods` what has just been asked for. */
  sightOf(
    { uid, workload_id, secrets }: WorkloadAsked,
    declared: Pick<Sight, 'declined' | 'generation'>,
    pods: readonly Pod[] = this.podsOf(uid),
  ): Sight {
    const { region, site, cache, clock } = this.#options;
    const mask = openMask(secrets);
    return {
      region,
      workload_id,
      site,
      pods: pods.map((pod) => masked(pod, mask)),
      gone: cache.memory.gone().flatMap(({ pod, at }) => {
        const isOf = pod.metadata.labels?.[labelNames.uid] === uid;
        return isOf ? [{ pod: masked(pod, mask), at }] : [];
      }),
      deployment: this.deploymentOf(uid),
      replicaSets: this.#of(uid, cache.replicaSets.values()),
      eventsOf: (objectUid) => cache.eventsOf(objectUid).map((event) => masked(event, mask)),
      nodeOf: (name) => [...cache.nodes.values()].find(({ metadata }) => metadata.name === name),
      rememberedOf: (pod) => cache.memory.of(pod),
      offers: this.offers(),
      now: clock(),
      ...declared,
    };
  }

  #of<T extends KubeObject>(uid: string, objects: Iterable<T>): T[] {
    return [...objects].filter((each) => this.#isOurs(each) && each.metadata.labels?.[labelNames.uid] === uid);
  }

  #isOurs({ metadata }: KubeObject): boolean {
    return metadata.labels?.[labelNames.installation] === this.#options.site.installation;
  }
}
