import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pino from 'pino';
import { parseAllDocuments } from 'yaml';
import type { Deployment } from '../../server/cluster/driver.ts';
import { apply } from '../../server/cluster/kubernetes/client/apply.ts';
import { Connection } from '../../server/cluster/kubernetes/client/connection.ts';
import { openCredentials } from '../../server/cluster/kubernetes/client/credentials.ts';
import { claimManifest } from '../../server/cluster/kubernetes/manifest/claim.ts';
import { companionManifests, secretManifest } from '../../server/cluster/kubernetes/manifest/companions.ts';
import { deploymentManifest } from '../../server/cluster/kubernetes/manifest/deployment.ts';
import { labelNames } from '../../server/cluster/kubernetes/manifest/names.ts';
import { namespaceManifests } from '../../server/cluster/kubernetes/manifest/namespace.ts';
import type { Site } from '../../server/cluster/kubernetes/manifest/site.ts';
import { type KubernetesRegion, openKubernetesRegion } from '../../server/cluster/kubernetes/region.ts';
import { until } from '../until.ts';
import { type Api, createOnce } from './api.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { ACCOUNT, applyRbac, kubeconfigOf, rbacFile } from './least-privilege.ts';
import { podManifest } from './pods.ts';
import { type KubeEco, serving, startKubeEco, untilState } from './start-kube-eco.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const FAILURE_TIMEOUT_MS = 20_000;
const NOT_HERE = /EcoLink may write in namespaces whose name begins with eco-/;

const rules = parseAllDocuments(readFileSync(rbacFile, 'utf8'))
  .map((document) => document.toJS() as { kind: string; rules: Rule[] })
  .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
  .flatMap((role) => role.rules);
const granted = rules.flatMap(({ apiGroups: [group = ''], resources, verbs }) =>
  resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
);

describe('the ServiceAccount of deploy/kubernetes/rbac.yaml', { skip: whyNoRig(), concurrency: true }, () => {
  let kube: Kube;
  let region: KubeRegion;
  let folder: string;
  let orphans: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'eco-rbac-test-'));
    kube = await startKube();
    [region] = kube.regions;
    for (const each of kube.regions) applyRbac(each);
    orphans = await kube.newNamespace(region);
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await removeNamespaces(region.api);
    await kube?.[Symbol.asyncDispose]();
  });

  /** A file that says who one is. */
  const writeConfig = async (account: string) => {
    const kubeconfig = join(folder, `${account}.json`);
    writeFileSync(kubeconfig, await kubeconfigOf(region, account));
    return kubeconfig;
  };

  test('is enough to launch, copy pull secrets, serve, show logs and terminate', async () => {
    for (const { api } of kube.regions) await createOnce(api, '/api/v1/namespaces/eco-system/secrets', PULL_SECRET);
    const shared = { ...kube, async [Symbol.asyncDispose]() {} };
    await using eco = await startKubeEco({ image_pull_secrets: [PULL_SECRET.metadata.name] }, shared);
    assert.match(readFileSync(eco.kube.regions[0].kubeconfig, 'utf8'), /"user": "ecolink"/);
    const workload = await serving(eco, { secrets: { TOKEN: 'a secret value' } });
    await ask(eco, workload.ref);
    for (const { api } of kube.regions) {
      const { type, data } = await api(
        'GET',
        `/api/v1/namespaces/${eco.namespace}/secrets/${PULL_SECRET.metadata.name}`,
      );
      assert.deepEqual({ type, data }, { type: PULL_SECRET.type, data: PULL_SECRET.data });
      const { items } = await api('GET', `/api/v1/namespaces/${eco.namespace}/pods`);
      assert.deepEqual(items[0].spec.imagePullSecrets, [{ name: PULL_SECRET.metadata.name }]);
    }
    assert.ok((await Array.fromAsync(eco.eco.workloads.logs(workload.id, { tail: 10 }))).length > 0);
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
  });

  test('may write nothing that it makes, nor remove anything, outside the namespaces of accounts', async () => {
    await using connection = new Connection(
      await openCredentials(region.name, { kubeconfig: await writeConfig(ACCOUNT.account) }),
    );
    for (const manifest of manifestsIn('kube')) {
      const refusal = () => apply(connection, manifest, { dryRun: true }).catch((error: Error) => error.message);
      await until(`${manifest.kind} is refused in kube-system`, async () => NOT_HERE.test(String(await refusal())));
    }
    const path = '/api/v1/namespaces/default/pods/not-ours';
    await region.api('POST', '/api/v1/namespaces/default/pods', podManifest('not-ours', 'any/image'));
    await assert.rejects(connection.json(path, { method: 'DELETE' }), NOT_HERE);
    await region.api('DELETE', path);
  });

  test("may read no Secret but the operator's own, run nothing in a pod and change no node", async () => {
    await using connection = new Connection(
      await openCredentials(region.name, { kubeconfig: await writeConfig(ACCOUNT.account) }),
    );
    const namespace = '/api/v1/namespaces/default';
    for (const [method, path, refused] of [
      ['GET', '/api/v1/secrets', 'list resource "secrets"'],
      ['GET', `${namespace}/secrets/any`, 'get resource "secrets"'],
      ['GET', '/api/v1/namespaces/eco-system/secrets', 'list resource "secrets"'],
      ['POST', `${namespace}/pods/any/exec?command=sh`, 'create resource "pods/exec"'],
      ['PATCH', `/api/v1/nodes/${region.nodes[0]}`, 'patch resource "nodes"'],
      ['DELETE', namespace, 'delete resource "namespaces"'],
    ] as const) {
      const call = { method, body: method === 'PATCH' ? {} : undefined, contentType: 'application/merge-patch+json' };
      await assert.rejects(connection.json(path, call), { status: 403, message: new RegExp(`cannot ${refused}`) });
    }
  });

  describe('needs each verb: with one less something fails, and says which', { concurrency: true }, () => {
    for (const [index, missing] of granted.entries())
      test(`${missing.verb} ${missing.resource}`, async () => {
        const account = `lacks-${index}`;
        await using _roles = await makeAccount(region.api, account, without(missing));
        const { said, log } = capture();
        await makePullSecret(region.api, `${PREFIX}-${index}-system`);
        await using driver = await openDriver(region, { kubeconfig: await writeConfig(account), log, index });
        const orphan = await makeOrphan(region.api, orphans, index);
        const told = new RegExp(`cannot ${missing.verb} resource \\\\*"${missing.resource}\\\\*"`);
        let failure = 'none';
        const isTold = async () => {
          failure = await tryAll(driver, wanted(index), orphan);
          return told.test(failure) || told.test(said());
        };
        await until('something fails', isTold, FAILURE_TIMEOUT_MS).catch(() => assert.match(failure + said(), told));
      });
  });
});

const ask = ({ openai }: KubeEco, model: string) =>
  openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello' }] });

/** One rule for each resource and verb but one. */
const without = (missing: (typeof granted)[number]): Rule[] =>
  granted
    .filter((each) => each !== missing)
    .map(({ group, resource, verb }) => ({ apiGroups: [group], resources: [resource], verbs: [verb] }));

async function makeAccount(api: Api, account: string, rules: Rule[]): Promise<AsyncDisposable> {
  const name = `eco-test-${account}`;
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace: ACCOUNT.namespace }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  const accounts = `/api/v1/namespaces/${ACCOUNT.namespace}/serviceaccounts`;
  await Promise.all([
    api('POST', accounts, { metadata: { name: account } }),
    api('POST', `${RBAC}/clusterroles`, { metadata: { name }, rules }),
    api('POST', `${RBAC}/clusterrolebindings`, { metadata: { name }, roleRef, subjects }),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      await api('DELETE', `${RBAC}/clusterrolebindings/${name}`);
      await api('DELETE', `${RBAC}/clusterroles/${name}`);
      await api('DELETE', `${accounts}/${account}`);
    },
  };
}

async function makePullSecret(api: Api, namespace: string): Promise<void> {
  await api('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await api('POST', `/api/v1/namespaces/${namespace}/secrets`, PULL_SECRET);
}

function capture() {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  return { log, said: () => lines.join('\n') };
}

const installationOf = (index: number) => `ins_rbac${String(index).padStart(4, '0')}`;
const PREFIX = 'eco-rbac';
const PULL_SECRET = {
  metadata: { name: 'rbac-registry' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
};
const SHARED = { name: 'shared', mount: '/shared', size_gib: 1, storage_class: 'none' };
const OFFER = {
  type: 'h100',
  price_per_hour: '1.00',
  budget: 16,
  node_labels: { 'nvidia.com/gpu.present': 'nowhere' }, // so that pods are made and none is run
  resource: 'nvidia.com/gpu',
};

const siteOf = (installation: string, namespace_prefix: string, image_pull_secrets: string[] = []): Site => ({
  installation,
  namespace_prefix,
  image_pull_secrets,
  offers: [OFFER],
  filesystems: [SHARED],
  tolerations: [],
  gateway: { cidrs: ['0.0.0.0/0'] },
});

/** With namespaces of its own: making one that is there takes no more than to patch it. */
const openDriver = (
  { name }: KubeRegion,
  { kubeconfig, log, index }: { kubeconfig: string; log: pino.Logger; index: number },
): Promise<KubernetesRegion> =>
  openKubernetesRegion({
    name,
    source: { kubeconfig },
    site: siteOf(installationOf(index), `${PREFIX}-${index}`, [PULL_SECRET.metadata.name]),
    identity: 'rbac',
    log,
    clock: Date.now,
  });

const wanted = (index: number, account_id = 'acc_rbac'): Deployment => ({
  workload_id: index,
  uid: `rbac-${index}`,
  account_id,
  name: 'rbac',
  region: 'eu-1',
  generation: 1,
  replicas: 2,
  image: 'any/image',
  engine: 'custom',
  command: null,
  args: [],
  env: {},
  secrets: { TOKEN: 'a secret value' },
  gpu: { type: 'h100', count: 1 },
  mounts: [{ filesystem: 'shared', path: '/shared', read_only: true }],
  port: 8000,
  health_path: '/',
  startup_seconds: 60,
  grace_seconds: 0,
});

/** All that a launch makes, had it the namespace `<prefix>-system`. */
function manifestsIn(prefix: string) {
  const site = siteOf('ins_stranger', prefix);
  const workload = wanted(1, 'system');
  const secret = secretManifest(workload, site);
  assert.ok(secret);
  return [
    ...namespaceManifests('system', site),
    claimManifest(SHARED, 'system', site),
    secret,
    deploymentManifest(workload, OFFER, site),
    ...companionManifests(workload, site, undefined),
  ];
}

interface Orphan {
  uid: string;
  workload_id: number;
}

/** One object of each kind that has lost its Deployment. */
async function makeOrphan(api: Api, namespace: string, index: number): Promise<Orphan> {
  const uid = `orphan-${index}`;
  const labels = { [labelNames.installation]: installationOf(index), [labelNames.uid]: uid };
  const metadata = { name: uid, labels };
  const selector = { matchLabels: { orphan: uid } };
  const { spec } = podManifest(uid, 'any/image', {}, { nodeSelector: { is: 'nowhere' } });
  const template = { metadata: { labels: { orphan: uid } }, spec };
  const post = (group: string, kind: string, spec: object) =>
    api('POST', `${group}/namespaces/${namespace}/${kind}`, { metadata, spec });
  await Promise.all([
    post('/api/v1', 'pods', spec),
    post('/apis/apps/v1', 'replicasets', { replicas: 0, selector, template }),
    post('/api/v1', 'services', { clusterIP: 'None', selector: { orphan: uid } }),
    post('/apis/networking.k8s.io/v1', 'networkpolicies', { podSelector: selector }),
    post('/apis/policy/v1', 'poddisruptionbudgets', { maxUnavailable: 1, selector }),
  ]);
  return { uid, workload_id: index };
}

/** Everything that the loop and the sweep ask of a region, up to the first failure. */
async function tryAll(driver: KubernetesRegion, deployment: Deployment, orphan: Orphan): Promise<string> {
  try {
    await driver.offers();
    await driver.apply(deployment);
    await driver.apply({ ...deployment, replicas: 0 });
    const query = { tail: 10, since: 0, follow: false, previous: false };
    await Array.fromAsync(driver.logs({ ...orphan, secrets: {} }, query, AbortSignal.timeout(5_000)));
    await driver.destroy(orphan);
    return 'none';
  } catch (error) {
    return String(error);
  }
}

async function removeNamespaces(api: Api): Promise<void> {
  const { items }: { items: { metadata: { name: string } }[] } = await api('GET', '/api/v1/namespaces');
  const names = items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(`${PREFIX}-`));
  await Promise.all(names.map((name) => api('DELETE', `/api/v1/namespaces/${name}`)));
}
