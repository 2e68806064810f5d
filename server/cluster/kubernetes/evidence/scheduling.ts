import { filesystemOf } from '../manifest/names.ts';
import type { Pod } from '../objects.ts';
import { quoted, type Verdict, verdict } from './verdict.ts';

/** What a region can say about a GPU type: for the arithmetic of a pod that waits for one. */
export interface Room {
  region: string;
  gpu: { type: string; count: number };
  free: number;
  total: number;
  largest_free_block: number;
}

/** Why the scheduler has not placed a pod; undefined where it has, or has not said. */
export function schedulingVerdict(pod: Pod, room: Room): Verdict | undefined {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (condition?.status !== 'False') return undefined;
  const said = quoted(condition.message);
  const told = said.replace(CONTROL_PLANE, '');
  for (const [pattern, judge] of causes) if (pattern.test(told)) return judge(room, said, pod);
  return verdict('scheduled', `Not placed yet: ${said || 'the scheduler has not said why'}`);
}

/** Every cluster has such nodes, and they are never meant. */
const CONTROL_PLANE =
  /\d+ node\(s\) had untolerated taint\(?s?\)? \{node-role\.kubernetes\.io\/(control-plane|master):[^}]*\},? ?/g;

/** The scheduler lists a cause for each group of nodes; the first of these that it names is told. */
const causes: readonly (readonly [RegExp, (room: Room, said: string, pod: Pod) => Verdict])[] = [
  [/Insufficient (nvidia\.com\/gpu|amd\.com\/gpu)/, (room) => verdict('no_capacity', shortage(room))],
  [
    /unbound immediate PersistentVolumeClaims|volume node affinity conflict|didn't find available persistent volumes|persistentvolumeclaim "[^"]*" (not found|is being deleted)/,
    ({ region }, said, pod) => verdict('volume_unavailable', `${volumesOf(pod)} in ${region} is not there: ${said}`),
  ],
  [
    /untolerated taint|node\(s\) were unschedulable|nodes? (is|are|were) not ready/,
    ({ region, gpu }, said) =>
      verdict('nodes_unavailable', `No node of ${region} with ${gpu.type} takes pods now: ${said}`),
  ],
  [
    /didn't match Pod's node affinity\/selector|didn't match node selector/,
    ({ region, gpu }) => verdict('no_such_gpu', `No node in ${region} has GPUs of type ${gpu.type}.`),
  ],
  [
    /Insufficient (cpu|memory|ephemeral-storage)/,
    ({ region }, said) => verdict('no_capacity', `No node of ${region} has enough CPU or memory left: ${said}`),
  ],
];

/** As the configuration calls them. */
function volumesOf({ spec }: Pod): string {
  const claims = (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? []);
  const names = claims.map((claim) => `"${filesystemOf(claim)}"`);
  return names.length === 0 ? 'Its volume' : `The volume of its filesystem ${names.join(', ')}`;
}

const shortage = ({ region, gpu, free, total, largest_free_block }: Room) =>
  `Waiting for ${gpu.count} × ${gpu.type} in ${region}: ${free} free of ${total}, largest free block on one node ${largest_free_block}.`;
