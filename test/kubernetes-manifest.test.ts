import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Deployment } from '../server/cluster/driver.ts';
import { offersOf } from '../server/cluster/kubernetes/capacity.ts';
import { claimManifest } from '../server/cluster/kubernetes/manifest/claim.ts';
import { companionManifests, secretManifest } from '../server/cluster/kubernetes/manifest/companions.ts';
import { deploymentManifest } from '../server/cluster/kubernetes/manifest/deployment.ts';
import { SPEC_HASH } from '../server/cluster/kubernetes/manifest/names.ts';
import { namespaceManifests } from '../server/cluster/kubernetes/manifest/namespace.ts';
import type { Site } from '../server/cluster/kubernetes/manifest/site.ts';
import type { Node, Pod } from '../server/cluster/kubernetes/objects.ts';

const H100 = {
  type: 'h100',
  price_per_hour: '3.20',
  budget: 16,
  node_labels: { 'nvidia.com/gpu.product': ['NVIDIA-H100-80GB-HBM3', 'NVIDIA-H100-PCIe'] },
  resource: 'nvidia.com/gpu',
  cpu: '8',
  memory_gib: 64,
};
const SITE: Site = {
  installation: 'ins_01m7zcs0000000000pwsq5drz',
  namespace_prefix: 'eco',
  offers: [H100],
  filesystems: [
    { name: 'shared', mount: '/shared', size_gib: 512, storage_class: 'nfs' },
    { name: 'old', mount: '/old', size_gib: 100, volume: 'weights-of-2024', account: 'acc_01xyz' },
  ],
  tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' }],
  image_pull_secrets: ['registry'],
  gateway: { namespace_labels: { 'kubernetes.io/metadata.name': 'ecolink' }, cidrs: [] },
};
const wanted = (changes: Partial<Deployment> = {}): Deployment => ({
  workload_id: 142,
  uid: 'wl_01abc',
  account_id: 'acc_01xyz',
  name: 'my-llama',
  region: 'eu-1',
  generation: 1,
  replicas: 2,
  image: 'vllm/vllm-openai:latest',
  engine: 'vllm',
  command: null,
  args: ['--model', 'meta-llama/Llama-3.1-8B-Instruct', '--port', '$(PORT)'],
  env: { LOG: 'info' },
  secrets: { HF_TOKEN: 'hf_secret_value' },
  gpu: { type: 'h100', count: 2 },
  mounts: [],
  port: 8000,
  health_path: '/health',
  startup_seconds: 600,
  grace_seconds: 30,
  ...changes,
});

const OWNER = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'eco-pwsq5drz-142', uid: 'd1' } as const;
const all = (deployment: Deployment) => [
  ...namespaceManifests(deployment.account_id, SITE),
  secretManifest(deployment, SITE),
  deploymentManifest(deployment, H100, SITE),
  ...companionManifests(deployment, SITE, OWNER),
];
const hashOf = (deployment: Deployment) => {
  const { spec } = deploymentManifest(deployment, H100, SITE) as unknown as {
    spec: { template: { metadata: { annotations: Record<string, string> } } };
  };
  return spec.template.metadata.annotations[SPEC_HASH];
};

describe('manifests', () => {
  test('of two replicas on two GPUs each', (t) => t.assert.snapshot(all(wanted())));

  test('of a filesystem: a claim of the account, mounted for reading alone', (t) => {
    const mounts = [{ filesystem: 'shared', path: '/shared', read_only: true }];
    const { spec } = deploymentManifest(wanted({ mounts }), H100, SITE) as unknown as {
      spec: { template: { spec: { volumes: object[]; containers: { volumeMounts: object[] }[] } } };
    };
    const { volumes, containers } = spec.template.spec;
    t.assert.snapshot({
      claims: SITE.filesystems.map((filesystem) => claimManifest(filesystem, 'acc_01xyz', SITE)),
      volume: volumes.at(-1),
      mount: containers[0]?.volumeMounts.at(-1),
    });
    assert.notEqual(hashOf(wanted({ mounts })), hashOf(wanted()));
  });

  test('of one replica: recreated, without a budget for disruptions', () => {
    const kinds = all(wanted({ replicas: 1 })).map((manifest) => manifest?.kind);
    assert.ok(!kinds.includes('PodDisruptionBudget'));
    const { spec } = deploymentManifest(wanted({ replicas: 1 }), H100, SITE) as unknown as {
      spec: { strategy: { type: string } };
    };
    assert.equal(spec.strategy.type, 'Recreate');
  });

  test('a secret stands in its Secret and nowhere else', () => {
    const others = all(wanted()).filter((manifest) => manifest?.kind !== 'Secret');
    assert.doesNotMatch(JSON.stringify(others), /hf_secret_value/);
  });

  test('new pods come with a change of what they run, also of a secret, and not with more replicas', () => {
    const before = hashOf(wanted());
    assert.equal(hashOf(wanted({ replicas: 5, generation: 9 })), before);
    assert.notEqual(hashOf(wanted({ image: 'other' })), before);
    assert.notEqual(hashOf(wanted({ secrets: { HF_TOKEN: 'another' } })), before);
  });

  test('names and labels fit whatever the ids are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e15 }), (workload_id) => {
        for (const manifest of all(wanted({ workload_id }))) {
          assert.match(manifest?.metadata.name ?? '', /^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$/);
          for (const value of Object.values(manifest?.metadata.labels ?? {}))
            assert.match(value, /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/);
        }
      }),
    );
  });
});

describe('free GPUs', () => {
  const node = (name: string, gpus: number, changes: Partial<Node> = {}): Node => ({
    metadata: { name, labels: { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' } },
    status: { allocatable: { 'nvidia.com/gpu': String(gpus) }, conditions: [{ type: 'Ready', status: 'True' }] },
    ...changes,
  });
  const pod = (nodeName: string, gpus: number, phase = 'Running', isOurs = false): Pod => ({
    metadata: { name: 'p', labels: isOurs ? { 'ecolink.dev/installation': SITE.installation } : {} },
    spec: { nodeName, containers: [{ name: 'c', resources: { requests: { 'nvidia.com/gpu': String(gpus) } } }] },
    status: { phase },
  });
  const offer = (nodes: Node[], pods: Pod[] = [], budget?: number) => {
    const [found] = offersOf([{ ...H100, budget }], {
      installation: SITE.installation,
      tolerations: SITE.tolerations,
      nodes,
      pods,
    });
    return [found?.total, found?.free, found?.largest_free_block];
  };

  for (const [name, seen, expected] of [
    ['what nodes have', offer([node('a', 8), node('b', 4)]), [12, 12, 8]],
    ['less what pods of anybody ask for', offer([node('a', 8), node('b', 4)], [pod('a', 6), pod('b', 1)]), [12, 5, 3]],
    ['finished pods ask for nothing', offer([node('a', 8)], [pod('a', 6, 'Succeeded')]), [8, 8, 8]],
    [
      'cordoned nodes have none to give',
      offer([node('a', 8), node('b', 8, { spec: { unschedulable: true } })]),
      [16, 8, 8],
    ],
    [
      'tainted ones neither',
      offer([node('a', 8, { spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } })]),
      [8, 0, 0],
    ],
    [
      'but for taints that are tolerated',
      offer([
        node('a', 8, {
          spec: {
            taints: [
              { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' },
              { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' },
            ],
          },
        }),
      ]),
      [8, 8, 8],
    ],
    [
      'silent nodes neither',
      offer([
        node('a', 8, {
          status: { allocatable: { 'nvidia.com/gpu': '8' }, conditions: [{ type: 'Ready', status: 'Unknown' }] },
        }),
      ]),
      [8, 0, 0],
    ],
    ['no more than the budget', offer([node('a', 8), node('b', 8)], [], 10), [10, 10, 8]],
    [
      'the budget counts our own pods only',
      offer([node('a', 8), node('b', 8)], [pod('a', 4, 'Running', true), pod('b', 6)], 10),
      [10, 6, 4],
    ],
  ] as [string, unknown[], number[]][])
    test(name, () => assert.deepEqual(seen, expected));
});
