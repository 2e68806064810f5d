import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { splitLine } from '../cli/complete/line.ts';
import { lists } from '../cli/complete/names.ts';
import { type Plan, planCompletion } from '../cli/complete/plan.ts';
import { completionScripts, type Shell } from '../cli/complete/scripts.ts';
import { readTree } from '../cli/complete/tree.ts';
import { endpoints, listModels, listRegions, listWorkloads } from '../sdk/index.ts';
import { type FakeApi, openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';
import { eco, environment, finish, folder, root } from './run-eco.ts';

const RUN_TIMEOUT_MS = 20_000;
const program = join(folder, 'eco');

describe('completion', () => {
  let api: FakeApi;
  before(async () => {
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/eco.js')}' "$@"\n`, {
      mode: 0o755,
    });
    api = await openFakeApi();
    api.on(listWorkloads, () =>
      documents.pageOf(documents.workload(), documents.workload({ id: 7, ref: 'tiny:7', name: 'tiny' })),
    );
    api.on(listModels, () =>
      documents.pageOf(documents.model({ name: 'my-llama' }), documents.model({ name: 'my-tune' })),
    );
    api.on(listRegions, () => ({ object: 'list' as const, data: [documents.region()], next: null }));
  });
  after(() => api[Symbol.asyncDispose]());

  const complete = async (line: string, env: Record<string, string> = {}) => {
    const { stdout, stderr, code } = await eco(['__complete', line], { api, env });
    assert.deepEqual([stderr, code], ['', 0]);
    return stdout.split('\n').flatMap((row) => row.split('\t')[0] || []);
  };

  for (const [line, expected] of [
    ['eco logs ', ['my-llama:142', '142', 'tiny:7', '7']],
    ['eco logs my-llama:', ['my-llama:142']],
    ['eco logs -f 14', ['142']],
    ['eco models rm my-', ['my-llama', 'my-tune']],
    ['eco config set out', ['output']],
    ['eco insta', ['instances']],
    ['eco serve --config ', [':files']],
  ] as const)
    test(`${line}| offers ${expected.join(', ')}`, async () => assert.deepEqual(await complete(line), expected));

  test('knows commands, flags and their values', async () => {
    const tree = await readTree(sourcePackage());
    for (const [line, expected] of [
      ['instances ', ['launch', 'list', 'show']],
      ['help instances l', ['launch', 'list']],
      ['ps --state run', ['running']],
      ['ps --state=run', ['--state=running']],
      ['chat m --no-', ['--no-stream']],
      ['ps --state running --sta', []],
      ['instances launch m --region a --reg', ['--region']],
      ['logs 142 ', 'nothing'],
      ['config set output ', 'nothing'],
      ['nonsense ', []],
      ['chat m -- --', 'nothing'],
      ['instances launch m --region ', 'regions'],
      ['keys create ci --model ', 'served'],
    ] as const) {
      const words = splitLine(line);
      assert.deepEqual(offered(planCompletion(tree, words), words.at(-1)!), expected, line);
    }
  });

  test('splits a line as a shell does, up to the cursor', () => {
    assert.deepEqual(splitLine('eco chat "a b" c\\ d \'e'), ['eco', 'chat', 'a b', 'c d', 'e']);
    assert.deepEqual(splitLine('eco '), ['eco', '']);
  });

  test('names are asked once a minute', async () => {
    const env = { XDG_CACHE_HOME: join(folder, 'cache-once') };
    const asked = () => api.calls.filter(({ endpoint }) => endpoint === 'listRegions').length;
    const earlier = asked();
    for (const _ of [1, 2]) assert.deepEqual(await complete('eco instances launch m --region ', env), ['local-a']);
    assert.equal(asked(), earlier + 1);
  });

  test('without a server, without a login and with broken settings it is silent', async () => {
    const config = join(folder, 'broken');
    const broken = {
      ECO_CONFIG_DIR: config,
      ECO_API_URL: 'http://127.0.0.1:9',
      XDG_CACHE_HOME: join(folder, 'cache-none'),
    };
    assert.deepEqual(await complete('eco logs ', broken), []);
    assert.deepEqual(await complete('eco logs ', { ...broken, ECO_API_KEY: '' }), []);
    assert.deepEqual(await complete('eco logs ', { ...broken, ECO_API_URL: 'nonsense' }), []);
  });

  test('every list that is asked is an endpoint of the contract', () => {
    const paths = endpoints.filter(({ method }) => method === 'GET').map(({ path }): string => path);
    for (const { path } of Object.values(lists)) assert.ok(paths.includes(path.replace(/\?.*/, '')), path);
  });

  /** What the shell itself would offer for the line, found by its own means. */
  const drivers: Record<Shell, (line: string) => string> = {
    bash: (line) => `${completionScripts.bash}
      COMP_LINE=${quoted(line)}; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(${program}); COMP_CWORD=1
      _eco_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
    zsh: (line) => `
      compdef() { :; }; _files() { print files; }
      _describe() { local -a all; all=("\${(@P)\${@[-1]}}"); print -rl -- "\${all[@]}"; }
      ${completionScripts.zsh}
      words=(${line.replace('eco', program)}${line.endsWith(' ') ? " ''" : ''}); CURRENT=\${#words}; PREFIX=\${words[CURRENT]}
      _eco`,
    fish: (line) => `set -x PATH ${folder} $PATH
      ${completionScripts.fish}
      complete -C ${quoted(line)}`,
  };
  const quoted = (text: string) => `'${text}'`;

  for (const [shell, args] of [
    ['bash', ['--norc', '-c']],
    ['zsh', ['-f', '-c']],
    ['fish', ['--no-config', '-c']],
  ] as const) {
    const skip = spawnSync(shell, ['-c', 'true']).status !== 0 && `no ${shell} here`;
    test(`${shell} offers commands, flags and names`, { skip }, async () => {
      const offer = async (line: string) => {
        const child = spawn(shell, [...args, drivers[shell](line)], {
          env: environment({ api }),
          timeout: RUN_TIMEOUT_MS,
        });
        const { stdout, stderr } = await finish(child);
        assert.equal(stderr, '');
        return stdout.trim().split('\n');
      };
      const ends = (offered: string[]) => offered.map((row) => row.split('\t')[0]);
      assert.match((await offer('eco models '))[0]!, /^list(\t|:|$)/);
      const [withColon, joined] = [await offer('eco logs my-llama:'), await offer('eco ps --state=runn')];
      if (shell === 'bash') assert.deepEqual([withColon, joined], [['142'], ['running']]);
      if (shell === 'fish') assert.deepEqual([ends(withColon), ends(joined)], [['my-llama:142'], ['--state=running']]);
      if (shell === 'zsh') assert.deepEqual([withColon, joined], [['my-llama\\:142:running'], ['--state=running:']]);
    });
  }

  test('bash learns it from the printed script, and asks for files where a file is meant', async () => {
    const script = `eval "$(${program} completion bash)"; complete -p eco; ${completionScripts.bash}
      compopt() { printf 'compopt %s %s\\n' "$@"; }; COMP_LINE='eco serve --config '; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(${program})
      _eco_complete; printf '%s' "\${#COMPREPLY[@]}"`;
    const { stdout } = await finish(spawn('bash', ['--norc', '-c', script], { env: environment({ api }) }));
    assert.equal(stdout, 'complete -F _eco_complete eco\ncompopt -o default\n0');
  });
});

/** What bin/eco.js passes in a clone. */
function sourcePackage() {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  Object.assign(pjson.oclif, { commands: './cli/commands', hooks: {} });
  return { root: pathToFileURL(root), pjson, isBuilt: false };
}

function offered(plan: Plan, current: string): string[] | string {
  if (plan.type === 'names') return plan.source;
  if (plan.type !== 'words') return plan.type;
  return plan.candidates.map(([word]) => word).filter((word) => word.startsWith(current));
}
