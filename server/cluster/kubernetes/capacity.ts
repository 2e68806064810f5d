import type { Offer } from '../../../sdk/contract/index.ts';
import { labelNames } from './manifest/names.ts';
import type { GpuOffer, Toleration } from './manifest/site.ts';
import type { Node, Pod } from './objects.ts';

interface Region {
  installation: string;
  nodes: Iterable<Node>;
  pods: Iterable<Pod>;
  tolerations: readonly Toleration[];
}

/** What each offer has: what its nodes can allocate, less what pods on them ask for, within the platform's budget. */
export function offersOf(offers: readonly GpuOffer[], region: Region): Offer[] {
  const nodes = [...region.nodes];
  const podsByNode = Map.groupBy([...region.pods].filter(isHolding), ({ spec }) => spec.nodeName ?? '');
  return offers.map((offer) => {
    const own = nodes.filter((node) => isOf(offer, node));
    const usable = own.filter((node) => takesPods(node, offer, region.tolerations));
    const usedOn = (node: Node) =>
      sum(podsByNode.get(node.metadata.name) ?? [], (pod) => requestedBy(pod, offer.resource));
    const blocks = usable.map((node) => Math.max(0, allocatable(node, offer.resource) - usedOn(node)));
    const ours = own
      .flatMap((node) => podsByNode.get(node.metadata.name) ?? [])
      .filter((pod) => isOurs(pod, region.installation));
    const total = Math.min(
      offer.budget ?? Number.POSITIVE_INFINITY,
      sum(own, (node) => allocatable(node, offer.resource)),
    );
    const left = Math.max(
      0,
      (offer.budget ?? Number.POSITIVE_INFINITY) - sum(ours, (pod) => requestedBy(pod, offer.resource)),
    );
    const free = Math.min(
      left,
      sum(blocks, (block) => block),
    );
    return {
      gpu: offer.type,
      price_per_hour: offer.price_per_hour,
      total,
      free,
      largest_free_block: Math.min(free, Math.max(0, ...blocks)),
      simulated: false,
    };
  });
}

/** Finished pods hold nothing; those being deleted still do. */
const isHolding = ({ spec, status }: Pod) =>
  spec.nodeName !== undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

const isOurs = ({ metadata }: Pod, installation: string) => metadata.labels?.[labelNames.installation] === installation;

const isOf = ({ node_labels }: GpuOffer, { metadata }: Node) =>
  Object.entries(node_labels).every(([name, values]) => [values].flat().includes(metadata.labels?.[name] ?? ''));

function takesPods({ spec, status }: Node, { resource }: GpuOffer, tolerations: readonly Toleration[]): boolean {
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  const hindering = (spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  const tolerated = [{ key: resource, operator: 'Exists' as const }, ...tolerations];
  return (
    isReady && !spec?.unschedulable && hindering.every((taint) => tolerated.some((each) => tolerates(each, taint)))
  );
}

function tolerates(
  { key, operator = 'Equal', value, effect }: Toleration,
  taint: { key: string; value?: string; effect: string },
): boolean {
  if (effect !== undefined && effect !== taint.effect) return false;
  if (key === undefined) return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || (value ?? '') === (taint.value ?? ''));
}

const allocatable = ({ status }: Node, resource: string) => Number(status?.allocatable?.[resource] ?? 0);

/** As the scheduler counts: the containers together, or the greediest of those before them. */
function requestedBy({ spec }: Pod, resource: string): number {
  const of = (container: { resources?: { requests?: Record<string, string> } }) =>
    Number(container.resources?.requests?.[resource] ?? 0);
  return Math.max(sum(spec.containers, of), ...(spec.initContainers ?? []).map(of));
}

const sum = <T>(all: readonly T[], of: (each: T) => number) => all.reduce((total, each) => total + of(each), 0);
