import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Config, Help } from '@oclif/core';
import { exitCodeOf, exitCodes } from '../cli/exit-code.ts';
import {
  EcoError,
  errorCodes,
  getModel,
  getWorkload,
  launchInstance,
  registerModel,
  runAudit,
  type Workload,
  waitForWorkload,
  whoAmI,
} from '../sdk/index.ts';
import { type FakeApi, openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';

import { eco, folder, root, start } from './run-eco.ts';

describe('the tree of commands', () => {
  const load = () => {
    const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    Object.assign(pjson.oclif, { commands: './cli/commands', plugins: [] });
    return Config.load({ root, pjson, ignoreManifest: true });
  };

  test('every file is a command with a summary and help of its own', async () => {
    const config = await load();
    const files = await readdir(join(root, 'cli/commands'), { recursive: true });
    const expected = files.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3).replaceAll('/', ':'));
    const aliases = new Set(config.commands.flatMap(({ hiddenAliases }) => hiddenAliases));
    const ids = config.commandIDs.filter((id) => !aliases.has(id));
    assert.deepEqual(ids.toSorted(), expected.toSorted());
    for (const command of config.commands.filter(({ id }) => !aliases.has(id))) {
      const { id, summary } = command;
      assert.match(summary ?? '', /^[a-z].{10,90}[^.]$/, id);
      const help = new QuietHelp(config);
      await help.showCommandHelp({ ...command });
      assert.match(help.text, new RegExp(`USAGE\\s+\\$ eco ${id.replaceAll(':', '\\s+')}`), id);
      assert.match(help.text, /--json/, id);
    }
  });

  test('no flag takes a secret as its value', async () => {
    const config = await load();
    const flags = config.commands.flatMap(({ id, flags }) => Object.keys(flags).map((flag) => `${id} --${flag}`));
    assert.deepEqual(
      flags.filter((flag) => /--(api-key|key|token|password)$/.test(flag)),
      [],
    );
  });

  test('the real binary shows help and version', async () => {
    const [all, one, version] = await Promise.all([
      eco(['--help']),
      eco(['instances', 'launch', '--help']),
      eco(['--version']),
    ]);
    assert.match(all.stdout, /instances +inference instances of your models/);
    assert.match(one.stdout, /--dry-run/);
    assert.match(version.stdout, /^ecolink\/\d/);
    assert.deepEqual([all.code, one.code, version.code], [0, 0, 0]);
  });

  for (const [args, meant] of [
    [['isntances', 'list'], 'instances list'],
    [['logz', '142'], 'logs'],
    [['models', 'regster'], 'models register'],
  ] as const)
    test(`${args.join(' ')}: "did you mean" in a pipe, exit 2`, async () => {
      const { code, stderr, stdout } = await eco([...args]);
      assert.match(stderr, new RegExp(`No command .*Did you mean .*"${meant}"`));
      assert.deepEqual([code, stdout], [2, '']);
    });

  for (const args of [
    ['scale', '142', '--json'],
    ['ps', '--nonsense', '--json'],
    ['models', 'register', 'x', '--hf', 'a/b', '--image', '--json'],
    ['logs', '142', '--since', 'yesterday', '--json'],
    ['nonsense', '--json'],
  ])
    test(`${args.join(' ')}: one document on stdout, nothing else, exit 2`, async () => {
      const { code, json, stderr } = await eco(args);
      assert.equal(json().error.code, 'usage');
      assert.deepEqual(Object.keys(json().error), ['code', 'message', 'hint', 'request_id']);
      assert.deepEqual([code, stderr], [2, '']);
    });
});

class QuietHelp extends Help {
  text = '';
  protected override log(...lines: string[]) {
    this.text += `${lines.join('\n')}\n`;
  }
}

describe('exit codes', () => {
  test('are documented', async () => {
    const page = readFileSync(join(root, 'docs/reference/exit-codes.md'), 'utf8');
    const { stdout } = await eco(['help', 'exit-codes']);
    for (const [code, meaning] of Object.values(exitCodes)) {
      assert.ok(page.includes(`| ${code} | ${meaning} |`), meaning);
      assert.match(stdout, new RegExp(`^${code} +${meaning}$`, 'm'));
    }
  });

  for (const [code, exit] of [
    ['invalid_request', 2],
    ['not_supported', 2],
    ['not_found', 3],
    ['model_not_found', 3],
    ['invalid_api_key', 4],
    ['forbidden', 4],
    ['conflict', 5],
    ['idempotency_mismatch', 5],
    ['insufficient_balance', 6],
    ['model_not_priced', 6],
    ['no_capacity', 7],
    ['workload_failed', 8],
    ['wait_timeout', 124],
    ['aborted', 130],
    ['internal', 1],
    ['connection_error', 1],
    ['rate_limit_exceeded', 1],
  ] as const)
    test(`${code} ends with ${exit}`, () => {
      const status = code in errorCodes ? new EcoError(code, '').status : 0;
      assert.equal(exitCodeOf({ code, status }), exit);
    });

  test('an error of the server: sentence, code, hint and request id on stderr, or one document', async () => {
    await using api = await openFakeApi();
    api.on(getModel, () => {
      throw new EcoError('not_found', 'No model "lama". Did you mean "llama"?', { hint: 'eco models list' });
    });
    const plain = await eco(['models', 'show', 'lama'], { api });
    assert.equal(
      plain.stderr,
      'Error: No model "lama". Did you mean "llama"?  [not_found]\n  eco models list\n  request req_fake\n',
    );
    assert.deepEqual([plain.code, plain.stdout], [3, '']);
    const scripted = await eco(['models', 'show', 'lama', '--json'], { api });
    assert.deepEqual(scripted.json(), {
      error: {
        code: 'not_found',
        message: 'No model "lama". Did you mean "llama"?',
        hint: 'eco models list',
        request_id: 'req_fake',
      },
    });
    assert.deepEqual([scripted.code, scripted.stderr], [3, '']);
  });

  test('no server: the URL and the next step', async () => {
    const api = await openFakeApi();
    await api[Symbol.asyncDispose]();
    const { code, stderr } = await eco(['ps'], { api });
    assert.match(stderr, /No answer from http:\S+ \(ECONNREFUSED\).*\n {2}Start a server with: eco dev/);
    assert.equal(code, 1);
  });
});

describe('login', () => {
  async function openAccounts() {
    const api = await openFakeApi();
    api.on(whoAmI, (_, { headers }) => {
      if (headers.authorization === 'Bearer eco_admin')
        return documents.whoAmI({ admin: true, account: null, key: null });
      if (headers.authorization !== 'Bearer eco_mine') throw new EcoError('invalid_api_key', 'This key is unknown.');
      return documents.whoAmI();
    });
    return api;
  }

  test('a key from a pipe is checked, kept for its owner alone, and used; an admin key goes beside it', async () => {
    await using api = await openAccounts();
    const ECO_CONFIG_DIR = join(folder, 'login');
    const env = { ECO_CONFIG_DIR };

    const bad = await eco(['login', '--api-url', api.url], { env, input: 'eco_bad\n' });
    assert.deepEqual([bad.code, bad.stdout], [4, '']);
    assert.equal((await eco(['whoami'], { env })).code, 4);

    const good = await eco(['login', '--api-url', api.url], { env, input: 'eco_mine\n' });
    assert.match(good.stdout, /^Logged in to http.* as Acme \(acc_1\)/);
    assert.equal(statSync(join(ECO_CONFIG_DIR, 'config.json')).mode & 0o777, 0o600);
    assert.equal((await eco(['login'], { env: { ...env, ECO_API_KEY: 'eco_admin' } })).code, 0);

    const who = await eco(['whoami', '--json'], { env });
    assert.deepEqual([who.json().account, who.code], [documents.account(), 0]);
    api.on(runAudit, (_, { headers }) => {
      assert.equal(headers.authorization, 'Bearer eco_admin');
      return documents.audit();
    });
    assert.equal((await eco(['admin', 'audit'], { env })).stdout, 'Clean: no difference.\n');
    assert.doesNotMatch(good.stdout + good.stderr + who.stdout, /eco_mine/);

    const elsewhere = { ...env, ECO_API_URL: 'http://127.0.0.1:9', ECO_API_KEY: 'eco_other' };
    assert.equal((await eco(['whoami', '--profile', 'default'], { env: elsewhere })).code, 0);
    const unknown = await eco(['whoami', '--profile', 'prod'], { env: elsewhere });
    assert.match(unknown.stderr, /no login "prod".*\n {2}eco login --profile prod/);
    assert.equal(unknown.code, 2);
  });
});

describe('models', () => {
  test('register sends the source, and the token only from a pipe', async () => {
    await using api = await openFakeApi();
    api.on(registerModel, ({ name, category }) => documents.model({ name, category }));
    const args = ['models', 'register', 'my-llama', '--hf', 'meta-llama/Llama-3.1-8B', '--category', 'embedding'];
    const { code, stdout, stderr } = await eco([...args, '--token-stdin'], { api, input: 'hf_secret\n' });
    assert.deepEqual([code, stdout], [0, 'Registered my-llama (embedding, mdl_1).\n']);
    assert.match(stderr, /eco instances launch my-llama/);
    assert.deepEqual(api.calls[0]?.input, {
      name: 'my-llama',
      category: 'embedding',
      source: { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B' },
      token: 'hf_secret',
    });
    const quiet = await eco(['models', 'register', 'my-demo', '--image', '-q'], { api });
    assert.deepEqual([quiet.stdout, quiet.stderr], ['mdl_1\n', '']);
  });

  test('one source, and not two', async () => {
    const [none, two] = await Promise.all([
      eco(['models', 'register', 'x']),
      eco(['models', 'register', 'x', '--image', '--platform', 'y']),
    ]);
    assert.deepEqual([none.code, two.code], [2, 2]);
    assert.match(none.stderr, /--?hf/);
  });
});

describe('instances launch', () => {
  async function openLaunches(...states: Partial<Workload>[]) {
    const api = await openFakeApi();
    const at = (revision: number) => documents.workload({ revision, ...states[revision - 1] });
    api.on(launchInstance, ({ dry_run }) => (dry_run ? documents.quote() : at(1)));
    api.on(getWorkload, () => at(1));
    api.on(waitForWorkload, ({ revision }) =>
      revision < states.length ? at(revision + 1) : new Promise<never>(() => {}),
    );
    return api;
  }
  const launches = (api: FakeApi) =>
    api.calls.filter(({ input }) => (input as { dry_run?: boolean }).dry_run === false);

  test('without a person and without --yes: the price, exit 2 naming --yes, nothing launched', async () => {
    await using api = await openLaunches();
    const { code, stdout, stderr } = await eco(['instances', 'launch', 'my-llama'], { api });
    assert.match(stderr, /local-b +1 +h100:2 +\$2\.30\/h/);
    assert.match(stderr, /hold now +\$220\.80 for 24 h/);
    assert.match(stderr, /Error: .*--yes/);
    assert.deepEqual([code, stdout, launches(api).length], [2, '', 0]);
  });

  test('--dry-run prints the price as the result', async () => {
    await using api = await openLaunches();
    const plain = await eco(['instances', 'launch', 'my-llama', '--dry-run'], { api });
    assert.match(plain.stdout, /rate +\$9\.20\/h/);
    const scripted = await eco(['instances', 'launch', 'my-llama', '--dry-run', '--json'], { api });
    assert.deepEqual(scripted.json(), documents.quote());
    assert.equal(launches(api).length, 0);
  });

  test('--max-price launches nothing that costs more, and up to it what was asked for', async () => {
    await using api = await openLaunches({ state: 'pending' });
    const launch = (max: string) =>
      eco(['instances', 'launch', 'my-llama', '--max-price', max, '--yes', '-q'], { api });
    const refused = await launch('9.19');
    assert.match(refused.stderr, /\$9\.20 per hour, more than --max-price 9\.19/);
    assert.deepEqual([refused.code, launches(api).length], [2, 0]);
    assert.equal((await launch('much')).code, 2);
    assert.equal((await launch('9.20')).code, 0);
    assert.equal(launches(api).length, 1);
  });

  test('all flags arrive; secrets come from the environment', async () => {
    await using api = await openLaunches({ state: 'pending' });
    const flags = `--gpu H100:2 --region eu-1 --region us-2 --replicas 3 --image my/engine --arg --max-len=9 --env A=1=2 --env HOME
      --secret TOKEN --port 8000 --health-path /up --custom-api-path /api --startup-timeout 20m --yes -q`;
    const args = ['instances', 'launch', 'my-llama', '--command', 'python "my serve.py" $X', ...flags.split(/\s+/)];
    const { code, stdout, stderr } = await eco(args, { api, env: { TOKEN: 'hush' } });
    assert.deepEqual([code, stdout, stderr], [0, '142\n', '']);
    assert.deepEqual(launches(api)[0]?.input, {
      model: 'my-llama',
      regions: ['eu-1', 'us-2'],
      gpu: { type: 'h100', count: 2 },
      replicas: 3,
      image: 'my/engine',
      command: ['python', 'my serve.py', '$X'],
      args: ['--max-len=9'],
      env: { A: '1=2', HOME: folder },
      secrets: { TOKEN: 'hush' },
      port: 8000,
      health_path: '/up',
      custom_api_path: '/api',
      startup_seconds: 1200,
      dry_run: false,
    });
  });

  test('a secret is piped in where the environment lacks it, and never a value of a flag', async () => {
    await using api = await openLaunches({ state: 'pending' });
    const args = ['instances', 'launch', 'my-llama', '--yes', '--secret'];
    await eco([...args, 'TOKEN'], { api, input: 'piped\n' });
    assert.deepEqual((launches(api)[0]!.input as { secrets: unknown }).secrets, { TOKEN: 'piped' });
    const [missing, shown] = await Promise.all([eco([...args, 'TOKEN'], { api }), eco([...args, 'TOKEN=x'], { api })]);
    assert.deepEqual([missing.code, shown.code, launches(api).length], [2, 2, 1]);
    assert.match(missing.stderr, /set TOKEN in the environment/);
  });

  test('--wait says each change once on stderr and ends with what runs', async () => {
    await using api = await openLaunches(
      { state: 'pending', message: 'Starting.' },
      { state: 'pending', message: 'Starting.' },
      { state: 'loading', message: 'Loading weights.' },
      { state: 'running' },
    );
    const { code, json, stderr } = await eco(['instances', 'launch', 'my-llama', '--yes', '--wait', '--json'], { api });
    assert.equal(code, 0);
    assert.deepEqual(json(), documents.workload({ revision: 4 }));
    const progress = stderr.split('\n').filter((line) => line.startsWith('my-llama:142'));
    assert.deepEqual(
      progress.map((line) => line.split('  ')[1]),
      ['pending', 'loading', 'running'],
    );
  });

  test('--wait ends with 8 when it fails, and with 124 when the time is up', async () => {
    const crash = {
      state: 'failed',
      reason: 'crashed',
      message: 'Exit code 1.',
      hint: 'eco logs 142 --previous',
    } as const;
    await using failing = await openLaunches({ state: 'loading' }, crash);
    const args = ['instances', 'launch', 'my-llama', '--yes', '--wait', '--wait-timeout', '1s'];
    const failed = await eco(args, { api: failing });
    assert.match(
      failed.stderr,
      /my-llama:142 is failed \(crashed\): Exit code 1\. {2}\[workload_failed\]\n {2}eco logs 142 --previous/,
    );
    await using loading = await openLaunches({ state: 'loading' });
    const late = await eco(args, { api: loading });
    assert.match(late.stderr, /\[wait_timeout\]\n {2}eco wait 142/);
    assert.deepEqual([failed.code, late.code], [8, 124]);
  });

  test('Ctrl-C while waiting detaches: exit 130, how to go on, and nothing is stopped', async () => {
    await using api = await openLaunches({ state: 'loading', message: 'Loading weights.' });
    const child = start(['instances', 'launch', 'my-llama', '--yes', '--wait'], { api });
    const closed = once(child, 'close');
    let stderr = '';
    for await (const chunk of child.stderr!) {
      stderr += chunk;
      if (/Loading weights/.test(stderr) && !child.killed) child.kill('SIGINT');
    }
    assert.deepEqual((await closed)[0], 130);
    assert.match(stderr, /my-llama:142 goes on.*\n.*eco wait 142.*eco logs 142 -f.*eco terminate 142/);
    assert.ok(
      api.calls.every(({ endpoint }) => ['launchInstance', 'getWorkload', 'waitForWorkload'].includes(endpoint)),
    );
  });
});
