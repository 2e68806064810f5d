import { apiOf, createOnce } from './api.ts';
import { machines, nodeLabels, parseNodes } from './gpu-nodes.ts';
import { launch } from './launch.ts';
import type { Region, RigState } from './state.ts';

const DEFAULT_KIND = { type: 'h100', machine: machines.h100!, gpus: 8 };

/** Nodes that kwok keeps alive, of the first kind that the rig has: for numbers, not for behaviour. */
export async function startScaleNodes(rig: RigState, region: Region): Promise<void> {
  launch(rig, region, 'kwok');
  const [kind = DEFAULT_KIND] = parseNodes(rig.options.nodes);
  const amounts = {
    cpu: String(kind.machine.cpu),
    memory: kind.machine.ram,
    'ephemeral-storage': '2Ti',
    pods: '110',
    'nvidia.com/gpu': String(kind.gpus),
  };
  for (let index = 1; index <= rig.options.scaleNodes; index++) {
    const name = `scale-${region.name}-${index}`;
    const labels = {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      ...nodeLabels(region.name, kind, index),
    };
    await createOnce(apiOf(region), '/api/v1/nodes', {
      metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels },
      status: { capacity: amounts, allocatable: amounts },
    });
  }
}
