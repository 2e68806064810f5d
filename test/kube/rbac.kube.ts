import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pino from 'pino';
import { parseAllDocuments } from 'yaml';
import type { Deployment } from '../../server/cluster/driver.ts';
import { labelNames } from '../../server/cluster/kubernetes/manifest/names.ts';
import { type KubernetesRegion, openKubernetesRegion } from '../../server/cluster/kubernetes/region.ts';
import { until } from '../until.ts';
import { type Api, createOnce, openApi } from './api.ts';
import { type Kube, type KubeRegion, startKube, whyNoRig } from './harness.ts';
import { ACCOUNT, kubeconfigOf, leastPrivileged, rbacFile } from './least-privilege.ts';
import { type KubeEco, serving, startKubeEco, untilState } from './start-kube-eco.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const installationOf = (index: number) => `ins_rbac${index}`;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

const rules = parseAllDocuments(readFileSync(rbacFile, 'utf8'))
  .map((document) => document.toJS() as { kind: string; rules: Rule[] })
  .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
  .flatMap((role) => role.rules);
const granted = rules.flatMap(({ apiGroups: [group = ''], resources, verbs }) =>
  resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
);

describe('the ServiceAccount of deploy/kubernetes/rbac.yaml', { skip: whyNoRig() }, () => {
  let kube: Kube;
  let region: KubeRegion;
  before(async () => {
    kube = await leastPrivileged(await startKube());
    [region] = kube.regions;
  });
  after(() => kube?.[Symbol.asyncDispose]());

  test('is enough to launch, serve, show logs, scale, stop, resume and terminate', async () => {
    await using eco = await startKubeEco({}, { ...kube, async [Symbol.asyncDispose]() {} });
    const workload = await serving(eco, { secrets: { TOKEN: 'a secret value' } });
    await ask(eco, workload.ref);
    assert.ok((await Array.fromAsync(eco.eco.workloads.logs(workload.id, { tail: 10 }))).length > 0);
    await eco.eco.workloads.scale(workload.id, 2);
    await untilState(eco.eco, workload, 'running');
    await eco.eco.workloads.stop(workload.id);
    await untilState(eco.eco, workload, 'stopped');
    await eco.eco.workloads.resume(workload.id);
    await untilState(eco.eco, workload, 'running');
    await eco.eco.workloads.terminate(workload.id);
    await untilState(eco.eco, workload, 'terminated');
  });

  test('may write nothing outside the namespaces of accounts, and read no Secret anywhere', async () => {
    const api = await apiAs(region);
    const secret = { metadata: { name: 'not-ours' }, stringData: { key: 'value' } };
    const refusal = (method: string, path: string, body?: unknown) =>
      api(method, path, body).then(
        () => undefined,
        (error: Error) => error.message,
      );
    await until('the policy is in force', async () =>
      /EcoLink may write in namespaces/.test(
        (await refusal('POST', '/api/v1/namespaces/default/secrets?dryRun=All', secret)) ?? '',
      ),
    );
    const pods = '/api/v1/namespaces/default/pods';
    await createOnce(region.api, pods, {
      metadata: { name: 'not-ours' },
      spec: { containers: [{ name: 'a', image: 'a' }] },
    });
    assert.match((await refusal('DELETE', `${pods}/not-ours`)) ?? '', /EcoLink may write in namespaces/);
    await region.api('DELETE', `${pods}/not-ours`);
    const namespace = { metadata: { name: 'kube-stranger' } };
    assert.match((await refusal('POST', '/api/v1/namespaces', namespace)) ?? '', /EcoLink may write in namespaces/);
    for (const path of ['/api/v1/secrets', '/api/v1/namespaces/default/secrets/not-ours'])
      assert.match((await refusal('GET', path)) ?? '', /403 .*cannot (list|get) resource \\"secrets\\"/);
    assert.match((await refusal('POST', `${pods}/a/exec?command=sh`)) ?? '', /cannot create resource \\"pods\/exec\\"/);
  });

  describe('needs each verb: with one less something fails, and says which', { concurrency: 4 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'eco-rbac-test-'));
    after(() => rmSync(folder, { recursive: true }));

    for (const [index, missing] of granted.entries()) {
      test(`${missing.verb} ${missing.resource}`, async () => {
        const account = `lacks-${index}`;
        await using _roles = await makeAccount(region.api, account, without(missing));
        const kubeconfig = join(folder, `${account}.json`);
        writeFileSync(kubeconfig, await kubeconfigOf(region, account));
        const { said, log } = capture();
        await using driver = await openDriver(kubeconfig, { log, index });
        const orphan = await makeOrphan(kube, region, index);
        const told = new RegExp(`cannot ${missing.verb} resource \\\\*"${missing.resource}\\\\*"`);
        await until(`something needs to ${missing.verb} ${missing.resource}`, async () => {
          const failure = await tryAll(driver, wanted(index), orphan);
          return told.test(failure ?? '') || told.test(said());
        });
      });
    }
  });
});

const ask = ({ openai }: KubeEco, model: string) =>
  openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello' }] });

/** As the ServiceAccount itself. */
async function apiAs(region: KubeRegion): Promise<Api> {
  const { clusters, users } = JSON.parse(await kubeconfigOf(region, ACCOUNT.account));
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  return openApi({
    server,
    ca: Buffer.from(ca, 'base64'),
    headers: { authorization: `Bearer ${users[0].user.token}` },
  });
}

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
  await api('POST', accounts, { metadata: { name: account } });
  await api('POST', `${RBAC}/clusterroles`, { metadata: { name }, rules });
  await api('POST', `${RBAC}/clusterrolebindings`, { metadata: { name }, roleRef, subjects });
  return {
    async [Symbol.asyncDispose]() {
      await api('DELETE', `${RBAC}/clusterrolebindings/${name}`);
      await api('DELETE', `${RBAC}/clusterroles/${name}`);
      await api('DELETE', `${accounts}/${account}`);
    },
  };
}

function capture() {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  return { log, said: () => lines.join('\n') };
}

const openDriver = (
  kubeconfig: string,
  { log, index }: { log: pino.Logger; index: number },
): Promise<KubernetesRegion> =>
  openKubernetesRegion({
    name: 'eu-1',
    source: { kubeconfig },
    site: {
      installation: installationOf(index),
      namespace_prefix: `eco-test-rbac-${index}`,
      offers: [
        {
          type: 'h100',
          price_per_hour: '1.00',
          budget: 16,
          node_labels: { 'nvidia.com/gpu.present': 'true' },
          resource: 'nvidia.com/gpu',
        },
      ],
      filesystems: [{ name: 'shared', mount: '/shared', size_gib: 1, storage_class: 'none' }],
      tolerations: [],
      image_pull_secrets: [],
      gateway: { cidrs: ['0.0.0.0/0'] },
    },
    identity: 'rbac',
    log,
    clock: Date.now,
  });

/** Of no GPU: nobody has to wait for one. */
const wanted = (index: number): Deployment => ({
  workload_id: index,
  uid: `rbac-${index}`,
  account_id: `acc-${index}`,
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

interface Orphan {
  uid: string;
  workload_id: number;
}

/** One object of each kind that has lost its Deployment. */
async function makeOrphan(kube: Kube, region: KubeRegion, index: number): Promise<Orphan> {
  const namespace = await kube.newNamespace(region);
  const uid = `orphan-${index}`;
  const labels = { [labelNames.installation]: installationOf(index), [labelNames.uid]: uid };
  const metadata = { name: 'orphan', labels };
  const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'server', image: 'any/image' }] };
  const selector = { matchLabels: { orphan: uid } };
  const template = { metadata: { labels: { orphan: uid } }, spec };
  const namespaced = (api: string, kind: string) => `${api}/namespaces/${namespace}/${kind}`;
  const post = (path: string, spec: object) => region.api('POST', path, { metadata, spec });
  await post(namespaced('/api/v1', 'pods'), spec);
  await post(namespaced('/apis/apps/v1', 'replicasets'), { replicas: 0, selector, template });
  await post(namespaced('/api/v1', 'services'), { clusterIP: 'None', selector: { orphan: uid } });
  await post(namespaced('/apis/networking.k8s.io/v1', 'networkpolicies'), { podSelector: selector });
  await post(namespaced('/apis/policy/v1', 'poddisruptionbudgets'), { maxUnavailable: 1, selector });
  return { uid, workload_id: index };
}

/** Everything that the loop and the sweep ask of a region, up to the first failure. */
async function tryAll(driver: KubernetesRegion, deployment: Deployment, orphan: Orphan): Promise<string | undefined> {
  try {
    await driver.offers();
    await driver.apply(deployment);
    await driver.apply({ ...deployment, replicas: 0 });
    const query = { tail: 10, since: 0, follow: false, previous: false };
    await Array.fromAsync(driver.logs(orphan, query, AbortSignal.timeout(5_000)));
    await driver.destroy(orphan);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
