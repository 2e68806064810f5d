interface Machine {
  cpu: number;
  ram: string;
  gpu?: { product: string; memoryMib: number; family: string };
}

const gpu = (product: string, memoryMib: number, family: string) => ({ product, memoryMib, family });

/** Nodes as clouds sell them. */
export const machines: Readonly<Record<string, Machine>> = {
  b200: { cpu: 224, ram: '2Ti', gpu: gpu('NVIDIA-B200', 183359, 'blackwell') },
  h200: { cpu: 192, ram: '2Ti', gpu: gpu('NVIDIA-H200', 143771, 'hopper') },
  h100: { cpu: 192, ram: '2Ti', gpu: gpu('NVIDIA-H100-80GB-HBM3', 81559, 'hopper') },
  a100: { cpu: 96, ram: '1Ti', gpu: gpu('NVIDIA-A100-SXM4-80GB', 81920, 'ampere') },
  l40s: { cpu: 64, ram: '512Gi', gpu: gpu('NVIDIA-L40S', 46068, 'ada-lovelace') },
  l4: { cpu: 32, ram: '128Gi', gpu: gpu('NVIDIA-L4', 23034, 'ada-lovelace') },
  t4: { cpu: 16, ram: '64Gi', gpu: gpu('Tesla-T4', 15360, 'turing') },
  cpu: { cpu: 32, ram: '128Gi' },
};

export interface NodeKind {
  type: string;
  machine: Machine;
  gpus: number;
}

/** `h100:8x2,l4:1x1` → three of them. */
export function parseNodes(text: string): NodeKind[] {
  return text
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [, type = '', gpus, count] = /^(\w+):(\d+)x(\d+)$/.exec(part) ?? [];
      const machine = machines[type];
      if (!machine)
        throw new Error(`nodes: ${part} is not <type>:<gpus>x<count>; types: ${Object.keys(machines).join(', ')}`);
      return Array.from({ length: Number(count) }, () => ({ type, machine, gpus: Number(gpus) }));
    });
}

/** What GPU feature discovery and a cloud write on a node; `index` counts from 1. */
export function nodeLabels(region: string, { type, machine, gpus }: NodeKind, index: number): Record<string, string> {
  const topology = {
    'topology.kubernetes.io/region': region,
    'topology.kubernetes.io/zone': `${region}${'abc'[(index - 1) % 3]}`,
    'node.kubernetes.io/instance-type': `${type}-x${gpus}`,
  };
  if (!machine.gpu) return topology;
  return {
    ...topology,
    'nvidia.com/gpu.present': 'true',
    'nvidia.com/gpu.product': machine.gpu.product,
    'nvidia.com/gpu.count': String(gpus),
    'nvidia.com/gpu.memory': String(machine.gpu.memoryMib),
    'nvidia.com/gpu.family': machine.gpu.family,
  };
}
