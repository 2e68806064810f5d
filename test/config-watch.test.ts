import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Eco } from '../sdk/index.ts';
import { Config } from '../server/config.ts';
import { needsRestart } from '../server/watch-config.ts';
import { type Kubeconfig, writeKubeconfig } from './kubeconfigs.ts';
import { eco, root } from './run-eco.ts';
import { until } from './until.ts';

const PATIENCE_MS = 60_000;
const ADMIN_KEY = `ecoadmin_${'w'.repeat(32)}`;

/** Of a region that no cluster is behind. */
const regionYaml = (name: string, kubeconfig: string) => `  - name: ${name}
    kind: kubernetes
    kubeconfig: ${kubeconfig}
    gpus:
      - type: h100
        price_per_hour: "3.20"
        node_labels: { nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3 }
`;
const START = `regions:
  - name: here
    kind: local
    gpus: [{ type: h100, count: 8, price_per_hour: "3.20" }]
`;

describe('the configuration is followed while the server runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-watch-'));
  const file = join(folder, 'ecolink.yaml');
  let server: ChildProcess;
  let kubeconfig: Kubeconfig;
  let client: Eco;
  let env: { ECO_API_URL: string; ECO_API_KEY: string };
  let said = '';
  const write = (text: string) => writeFileSync(file, text);
  const regions = async () => (await client.regions.list()).data;
  const names = async () => (await regions()).map(({ name }) => name).join(' ');
  const hasSaid = (text: RegExp) =>
    until(`the log says ${text}`, () => text.test(said), PATIENCE_MS).catch((error) => {
      throw new Error(`${error.message}: ${said}`);
    });

  before(async () => {
    kubeconfig = writeKubeconfig({ server: `https://127.0.0.1:${await closedPort()}` });
    write(START);
    const args = [
      join(root, 'bin/eco.js'),
      'serve',
      '--json',
      '--listen',
      '127.0.0.1:0',
      '--data',
      join(folder, 'data'),
    ];
    server = spawn(process.execPath, args, { cwd: folder, env: { PATH: process.env.PATH, ECO_ADMIN_KEY: ADMIN_KEY } });
    server.stderr?.on('data', (chunk) => (said += chunk));
    const [line] = await once(createInterface(server.stdout!), 'line');
    const { url } = JSON.parse(line);
    const { admin } = new Eco({ baseUrl: url, apiKey: ADMIN_KEY });
    const { secret } = await admin.createAccount({ name: 'watch' });
    client = new Eco({ baseUrl: url, apiKey: secret });
    env = { ECO_API_URL: url, ECO_API_KEY: secret };
  });
  after(async () => {
    if (server.kill('SIGTERM')) await once(server, 'exit');
    kubeconfig[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  test('a region that is added appears; a cluster that is away makes it unreachable, with the reason', async () => {
    write(START + regionYaml('eu-1', kubeconfig.path));
    await until('eu-1 is there', async () => (await names()) === 'here eu-1', PATIENCE_MS);
    const seen = async () => (await regions())[1];
    await until('it was tried', async () => /ECONNREFUSED/.test(String((await seen())?.message)), PATIENCE_MS);
    assert.equal((await seen())?.reachable, false);
    const { stdout } = await eco(['regions'], { env });
    assert.match(stdout, /eu-1 +kubernetes .*unreachable: ECONNREFUSED/);
  });

  test('an edit that is wrong is told with file, line and field, and changes nothing', async () => {
    write(`${START + regionYaml('eu-1', kubeconfig.path)}    budgets: 5\n`);
    await hasSaid(/ecolink\.yaml:12: unknown setting \\"regions\.1\.budgets\\"/);
    assert.equal(await names(), 'here eu-1');
  });

  test('a region whose kubeconfig is not there yet is taken over once it is, and until then nothing changes', async () => {
    const later = join(folder, 'later.json');
    write(START + regionYaml('eu-1', kubeconfig.path) + regionYaml('us-2', later));
    await hasSaid(/region us-2: kubeconfig: .*later\.json: there is no such file/);
    assert.equal(await names(), 'here eu-1');
    using another = writeKubeconfig({ server: `https://127.0.0.1:${await closedPort()}` });
    writeFileSync(later, `{"apiVersion":"v1","kind":"Config","clusters":[],"contexts":[],"users":[]}`);
    await hasSaid(/region us-2: context: .*later\.json: no cluster for the context/);
    write(START + regionYaml('eu-1', kubeconfig.path) + regionYaml('us-2', another.path));
    await until('us-2 is there', async () => (await names()) === 'here eu-1 us-2', PATIENCE_MS);
  });

  test('what needs a restart is named; a region that is removed is gone', async () => {
    write(`drain_ms: 5000\ngateway: { idle_timeout_ms: 5 }\n${START}`);
    await hasSaid(/"settings":\["drain_ms","gateway\.idle_timeout_ms"\]/);
    assert.equal(await names(), 'here');
  });
});

test('a server whose kubeconfig is not there does not start, and says which setting is wrong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-watch-'));
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'ecolink.yaml'), `${START}${regionYaml('eu-1', '/nowhere/eu.yaml')}`);
  const { code, stderr } = await eco(['serve', '--listen', '127.0.0.1:0'], { cwd: folder });
  assert.equal(code, 2);
  assert.match(stderr, /region eu-1: kubeconfig: \/nowhere\/eu\.yaml: there is no such file/);
});

test('what needs a restart is everything that differs but Kubernetes regions', () => {
  const config = (settings: object) => Config.parse(settings);
  const local = { name: 'here', kind: 'local', gpus: 'auto' };
  const kubernetes = {
    name: 'eu-1',
    kind: 'kubernetes',
    kubeconfig: 'eu.yaml',
    gpus: [{ type: 'h100', price_per_hour: '1.00', node_labels: { gpu: 'h100' } }],
  };
  assert.deepEqual(needsRestart(config({ regions: [local] }), config({ regions: [kubernetes, local] })), []);
  assert.deepEqual(needsRestart(config({}), config({ regions: [local] })), ['regions.here']);
  const drains = fc.integer({ min: 1, max: 1_000 });
  fc.assert(
    fc.property(drains, drains, (a, b) => {
      const changed = needsRestart(config({ drain_ms: a }), config({ drain_ms: b }));
      assert.deepEqual(changed, a === b ? [] : ['drain_ms']);
    }),
  );
});

/** One that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
