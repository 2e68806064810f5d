import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { LaunchInput, MODEL_NAME } from '../../sdk/contract/index.ts';
import type { Deployment } from '../../server/cluster/driver.ts';
import { apply } from '../../server/cluster/kubernetes/client/apply.ts';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { KubernetesRegionConfig, siteOf } from '../../server/cluster/kubernetes/config.ts';
import { marked } from '../../server/cluster/kubernetes/drift.ts';
import { claimManifest } from '../../server/cluster/kubernetes/manifest/claim.ts';
import { companionManifests, secretManifest } from '../../server/cluster/kubernetes/manifest/companions.ts';
import { deploymentManifest } from '../../server/cluster/kubernetes/manifest/deployment.ts';
import { namespaceManifests, pullSecretManifest } from '../../server/cluster/kubernetes/manifest/namespace.ts';
import type { Site } from '../../server/cluster/kubernetes/manifest/site.ts';
import type { KubeObject } from '../../server/cluster/kubernetes/objects.ts';
import { newId } from '../../server/new-id.ts';
import { engines } from '../../server/workloads/engines/index.ts';
import { type Kube, startKube, whyNoKube } from './harness.ts';
import { differences } from './said.ts';

const RUNS = 150;
const ACCOUNT = newId('acc');
const OWNER = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'owner', uid: 'd1' } as const;

const regionOf = (changes: object = {}) =>
  KubernetesRegionConfig.parse({
    name: 'eu-1',
    kind: 'kubernetes',
    in_cluster: true,
    gpus: [{ type: 'h100', price_per_hour: '1.00', budget: 8, node_labels: { 'nvidia.com/gpu.present': 'true' } }],
    ...changes,
  });

const wanted = (changes: Partial<Deployment> = {}): Deployment => ({
  workload_id: 1,
  uid: newId('wl'),
  account_id: ACCOUNT,
  name: 'my-llama',
  region: 'eu-1',
  generation: 1,
  replicas: 1,
  image: 'vllm/vllm-openai:latest',
  engine: 'vllm',
  command: null,
  args: [],
  env: {},
  secrets: {},
  gpu: { type: 'h100', count: 1 },
  mounts: [],
  port: null,
  health_path: '/health',
  startup_seconds: 600,
  grace_seconds: 30,
  ...changes,
});

const FULL_SITE = {
  gpus: [
    {
      type: 'h100',
      price_per_hour: '1.00',
      node_labels: { 'nvidia.com/gpu.product': ['NVIDIA-H100-80GB-HBM3', 'NVIDIA-H100-PCIe'] },
      cpu: '500m',
      memory_gib: 96,
    },
    { type: 'mi300x', price_per_hour: '1.00', node_labels: { a: '' }, resource: 'amd.com/gpu' },
  ],
  filesystems: [
    { name: 'shared', mount: '/shared', size_gib: 1024, storage_class: 'nfs' },
    { name: 'old', mount: '/srv/old', size_gib: 1, volume: 'weights-of-2024', account: ACCOUNT },
  ],
  tolerations: [{ operator: 'Exists' }, { key: 'dedicated', value: '', effect: 'NoExecute' }],
  image_pull_secrets: ['registry', 'another.registry'],
  gateway: { namespace_labels: { 'kubernetes.io/metadata.name': 'ecolink' }, cidrs: ['10.0.0.0/8', 'fd00::/8'] },
};
const MOUNTS = [
  { filesystem: 'shared', path: '/shared', read_only: true },
  { filesystem: 'old', path: '/srv/old', read_only: true },
];

/** All that one workload makes a region have. */
function manifestsOf(deployment: Deployment, site: Site): KubeObject[] {
  const offer = site.offers.find(({ type }) => type === deployment.gpu.type);
  assert.ok(offer);
  const manifest = deploymentManifest(deployment, offer, site);
  const secret = secretManifest(deployment, site);
  const pullSecret = {
    metadata: { name: 'registry' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': btoa('{"auths":{}}') },
  };
  return [
    ...namespaceManifests(ACCOUNT, site),
    ...site.image_pull_secrets.map((name) => pullSecretManifest({ ...pullSecret, metadata: { name } }, ACCOUNT, site)),
    ...site.filesystems.map((filesystem) => claimManifest(filesystem, ACCOUNT, site)),
    ...(secret ? [{ ...secret, metadata: { ...secret.metadata, ownerReferences: [OWNER] } }] : []),
    marked(manifest, 'a1b2c3'),
    { ...manifest, spec: { ...manifest.spec, paused: true } } as KubeObject,
    podOf(manifest),
    ...companionManifests(deployment, site, OWNER),
  ];
}

/** As its ReplicaSet will make it: Pod Security and the rules of pods speak then only. */
function podOf({ metadata: { name, namespace }, spec }: KubeObject & { spec: object }): KubeObject {
  const { template } = spec as { template: { metadata: object; spec: object } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name, namespace },
    spec: template.spec,
  } as KubeObject;
}

describe('an API server takes manifests, and as they are meant', { skip: whyNoKube() }, () => {
  const owned = new AsyncDisposableStack();
  let connection: Connection;
  let namespace: string;

  before(async () => {
    const kube: Kube = owned.use(await startKube());
    const [region] = kube.regions;
    connection = owned.use(new Connection(await openCredentials(region.name, { kubeconfig: region.kubeconfig })));
    namespace = await kube.newNamespace(region);
    const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
    await region.api(
      'PATCH',
      `/api/v1/namespaces/${namespace}`,
      { metadata: { labels } },
      'application/merge-patch+json',
    );
  });
  after(() => owned.disposeAsync());

  /** Where the account has no namespace yet, in one that is there. */
  const check = async (manifest: KubeObject) => {
    const isNamespaced = manifest.metadata.namespace !== undefined;
    const said = isNamespaced ? { ...manifest, metadata: { ...manifest.metadata, namespace } } : manifest;
    const made = await apply(connection, said, { dryRun: true });
    if (said.kind === 'Pod') return; // each cluster adds its own to pods
    assert.deepEqual(differences(said, made), [], `${said.kind} ${said.metadata.name}`);
  };
  const checkAll = async (deployment: Deployment, config: object = {}) => {
    const site = siteOf(regionOf(config), newId('ins'));
    await Promise.all(manifestsOf(deployment, site).map(check));
  };

  for (const engine of [...engines.map(({ name }) => name), 'custom'])
    for (const count of [1, 16])
      test(`of ${engine} on ${count} GPU${count > 1 ? 's' : ''}`, () => {
        const { image = 'any/image', args } = engines.find(({ name }) => name === engine) ?? {};
        const [category = 'chat'] = engines.find(({ name }) => name === engine)?.categories ?? [];
        const source = { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct', revision: 'main' } as const;
        const told = args?.({
          source,
          servedName: 'my-llama',
          category,
          gpus: count,
          host: '$(HOST)',
          port: '$(PORT)',
        });
        return checkAll(wanted({ engine, image, args: told ?? [], gpu: { type: 'h100', count } }));
      });

  for (const [name, changes, config] of [
    ['of the least', {}, {}],
    ['of several replicas', { replicas: 64 }, {}],
    ['with secrets', { secrets: { HF_TOKEN: 'hf_value', _: '' } }, {}],
    ['with a command of its own', { command: ['sh', '-c', 'exec "$@"', ''], args: ['$(PORT)', '$$(PORT)', '☃'] }, {}],
    ['with all that a region can have', { mounts: MOUNTS, secrets: { TOKEN: 'value' }, replicas: 2 }, FULL_SITE],
    ['on GPUs of another maker', { gpu: { type: 'mi300x', count: 8 } }, FULL_SITE],
    ['that nobody may reach', {}, { gateway: {} }],
    [
      'with variables that replicas are told anyway',
      { env: { PORT: '1', HOST: '::', ECO_REPLICA: 'x', ECO_GPU: 'y' } },
      {},
    ],
    ['with a variable that is a secret too', { env: { TOKEN: 'plain' }, secrets: { TOKEN: 'value', PORT: '1' } }, {}],
    [
      'with variables named like what all objects have',
      { env: { constructor: 'a', toString: 'b' }, secrets: { A: 'b' } },
      {},
    ],
    ['with the largest numbers', { workload_id: Number.MAX_SAFE_INTEGER, startup_seconds: 3600, port: 65_535 }, {}],
  ] as [string, Partial<Deployment>, object][])
    test(name, () => checkAll(wanted(changes), config));

  test('of whatever a launch and a configuration may say', { timeout: 120_000 }, async () => {
    const launches = fc.asyncProperty(anyConfig, anyLaunch, async (config, changes) => {
      const site = siteOf(regionOf(config), newId('ins'));
      const type = site.offers[0]?.type ?? '';
      const mounts = site.filesystems.map(({ name, mount }) => ({ filesystem: name, path: mount, read_only: true }));
      await checkAll(wanted({ ...changes, mounts, gpu: { type, count: 3 } }), config);
    });
    await fc.assert(launches, { numRuns: RUNS });
  });
});

const subdomain = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?){0,3}$/);
const word = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/);
const labelName = fc.oneof(
  word,
  fc.tuple(subdomain, word).map((parts) => parts.join('/')),
);
const labelValue = fc.oneof(word, fc.constant(''));
const dnsName = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,26}[a-z0-9])?$/);
const filesystemName = fc.stringMatching(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/);
const folder = fc.stringMatching(/^\/m(\/[^/\0:.]{1,100}){0,3}$/);

/** What `ecolink.yaml` may say of a region. */
const anyConfig = fc.record(
  {
    namespace_prefix: dnsName.map((name) => `eco-${name}`),
    gpus: fc.array(
      fc.record({
        type: fc.constant('any'),
        price_per_hour: fc.constant('1.00'),
        node_labels: fc.dictionary(labelName, fc.oneof(labelValue, fc.array(labelValue, { minLength: 1 })), {
          minKeys: 1,
        }),
        resource: fc
          .tuple(
            subdomain.filter((name) => !/(^|\.)kubernetes\.io$/.test(name)),
            word,
          )
          .map((parts) => parts.join('/')),
        cpu: fc.stringMatching(/^[1-9]\d{0,6}m?$/),
        memory_gib: fc.integer({ min: 1, max: 1_000_000 }),
        budget: fc.integer({ min: 1, max: 1_000_000 }),
      }),
      { minLength: 1, maxLength: 1 },
    ),
    filesystems: fc
      .uniqueArray(
        fc.record({
          name: filesystemName,
          mount: folder,
          size_gib: fc.integer({ min: 1, max: 1_000_000 }),
          storage_class: subdomain,
        }),
        { maxLength: 3, selector: ({ mount }) => mount },
      )
      .map((all) => all.filter(({ name }, index) => all.findIndex((each) => each.name === name) === index)),
    tolerations: fc.array(
      fc.oneof(
        fc.record({ key: labelName, operator: fc.constant('Exists') }),
        fc.record({
          key: labelName,
          value: labelValue,
          effect: fc.constantFrom('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
        }),
      ),
      { maxLength: 3 },
    ),
    image_pull_secrets: fc.uniqueArray(subdomain, { maxLength: 2 }),
    gateway: fc.record(
      {
        namespace_labels: fc.dictionary(labelName, labelValue),
        cidrs: fc.uniqueArray(
          fc.oneof(
            fc.ipV4().map((ip) => `${ip}/32`),
            fc.ipV6().map((ip) => `${ip}/128`),
          ),
          { maxLength: 3 },
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['gpus'] },
);

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const variables = fc.dictionary(
  fc.oneof(
    fc.constantFrom('PORT', 'HOST', 'ECO_REPLICA', 'ECO_REGION', 'TOKEN'),
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
  ),
  text,
);

/** What somebody may launch. */
const anyLaunch = fc
  .record(
    {
      workload_id: fc.maxSafeNat(),
      name: fc.stringMatching(MODEL_NAME),
      replicas: fc.integer({ min: 1, max: 64 }),
      image: fc.stringMatching(/^\S{1,300}$/),
      command: fc.option(fc.array(text, { minLength: 1, maxLength: 5 })),
      args: fc.array(text, { maxLength: 10 }),
      env: variables,
      secrets: variables,
      port: fc.option(fc.integer({ min: 1, max: 65_535 })),
      health_path: text.map((rest) => `/${rest}`),
      startup_seconds: fc.integer({ min: 10, max: 3600 }),
    },
    { requiredKeys: [] },
  )
  .filter(
    ({ env = {}, secrets = {} }) => LaunchInput.pick({ env: true, secrets: true }).safeParse({ env, secrets }).success,
  );
