import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { startEco, type TestEco } from '../harness.ts';
import { root, eco as runEco } from '../run-eco.ts';
import { type Kube, startKube, whyNoRig } from './harness.ts';
import { loadRig } from './state.ts';

const GUIDE = join(root, 'docs/how-to/add-a-region.md');

describe('whoever does what docs/how-to/add-a-region.md says', { skip: whyNoRig() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eco-guide-'));
  const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const [beforeConfig, afterConfig] = splitAt(blocks, ([, language]) => language === 'yaml');
  let kube: Kube;
  let server: TestEco | undefined;

  before(async () => {
    kube = await startKube();
    const { kubeconfig, rig } = kube.regions[0];
    writeFileSync(join(folder, 'config'), withContext('eu', readFileSync(kubeconfig, 'utf8')), { mode: 0o600 });
    writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\nexec '${loadRig(rig.dir).binary}' kubectl "$@"\n`);
    chmodSync(join(folder, 'kubectl'), 0o755);
    symlinkSync(join(root, 'deploy'), join(folder, 'deploy'));
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await kube?.regions[0].api('DELETE', '/api/v1/namespaces/eco-system/secrets/registry').catch(() => {});
    await kube?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** In one shell, as variables go on. */
  const type = (commands: readonly string[]) => {
    const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder, KUBECONFIG: join(folder, 'config') };
    const shell = spawnSync('sh', ['-euc', commands.join('\n')], {
      cwd: folder,
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(shell.status, 0, `${shell.stdout}\n${shell.stderr}`);
    return shell.stdout;
  };

  test('has rights, a kubeconfig, and sees the GPUs of the nodes', () => {
    const said = type(beforeConfig.flatMap(commandsOf));
    assert.match(said, /clusterrole\.rbac\.authorization\.k8s\.io\/ecolink/);
    assert.match(said, /NVIDIA-H100-80GB-HBM3/);
    assert.match(said, /^\S+ +8 /m);
  });

  test('has a region that is reachable as the ServiceAccount, and launches there', async () => {
    const docker = ['server=ghcr.io', 'username=a', 'password=b'].map((each) => `--docker-${each}`).join(' ');
    type([`kubectl --context eu -n eco-system create secret docker-registry registry ${docker}`]);
    const [, , yaml = ''] = blocks.find(([, language]) => language === 'yaml') ?? [];
    const regions = parse(yaml).regions.map((region: object) => ({ ...region, kubeconfig: join(folder, 'eu.yaml') }));
    server = await startEco('sqlite', { regions });
    await server.eco.models.register({ name: 'my-llama', source: { type: 'huggingface', repo: 'a/b-8B' } });
    const env = { ECO_API_URL: server.url, ECO_API_KEY: server.apiKey };
    const eco = async (line: string) => {
      const { code, stdout, stderr } = await runEco(line.split(' ').slice(1), { env });
      assert.equal(code, 0, `${line}\n${stdout}\n${stderr}`);
      return stdout;
    };
    const typed = afterConfig.flatMap(commandsOf);
    for (const line of typed.filter((each) => each.startsWith('eco '))) {
      const said = await eco(line);
      if (line === 'eco regions')
        assert.match(said, /eu-1 +kubernetes +h100 +\$2\.90\/h +16 of 16 +8 +shared +reachable/);
    }
    const deployments = type(typed.filter((each) => each.startsWith('kubectl ')));
    assert.match(deployments, /eco-\w{8}-1 +1\/1/);
    const secrets = type(['kubectl --context eu get secrets -A --field-selector type=kubernetes.io/dockerconfigjson']);
    assert.match(secrets, /eco-acc\S+ +registry/);
  });
});

function splitAt<T>(all: readonly T[], is: (each: T) => boolean): [before: T[], after: T[]] {
  const at = all.findIndex(is);
  return [all.slice(0, at), all.slice(at + 1)];
}

/** What is typed in a block: lines after a `$`, with what a here-document goes on with. */
function commandsOf([, language, code = '']: readonly string[]): string[] {
  if (language !== 'console') return [];
  const commands: string[] = [];
  let end: string | undefined;
  for (const line of code.split('\n')) {
    if (line.startsWith('$ ')) commands.push(line.slice(2));
    else if (end !== undefined) commands.push(line);
    if (line === end) end = undefined;
    end = /<<'(\w+)'$/.exec(line)?.[1] ?? end;
  }
  return commands;
}

/** The kubeconfig with its one context under another name. */
function withContext(name: string, kubeconfig: string): string {
  const config = parse(kubeconfig);
  return stringify({ ...config, contexts: [{ ...config.contexts[0], name }], 'current-context': name });
}
