import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Config, Parser } from '@oclif/core';
import { splitWords } from '../cli/words.ts';
import { Eco } from '../sdk/index.ts';
import { type EcoDev, makeHome, startEcoDev } from './eco-dev.ts';
import { finish, root } from './run-eco.ts';

const RUN_TIMEOUT_MS = 60_000;

interface Example {
  id: string;
  line: string;
}

const bin = join(root, 'bin/eco.js');
const PRELUDE = `eco() { '${process.execPath}' '${bin}' "$@"; }; git() { echo '+ a line'; }\n`;
const commands = await loadCommands();
const examples = commands.flatMap(examplesOf);

/** Only parsed. */
const PARSED = new Map([
  [/^eco login$/, 'it asks for the key at a terminal'],
  [
    /^eco instances launch my-llama --(?:gpu|engine|dry-run)/,
    'its engine has to be on this machine, and it asks first',
  ],
  [/^HF_TOKEN=/, 'its image and program are those of the reader'],
  [/^eco models register my-tune --filesystem/, 'the regions of this test have no filesystems'],
  [/^eco extend/, 'only GPU instances have hours, and there are none yet'],
  [/^eco dev$/, 'it takes port 8080, which may be in use'],
  [/^eco serve --listen/, 'it writes to /var/lib'],
]);

/** Go on until Ctrl-C: each is interrupted once it has printed something. */
const ENDLESS = /^eco (?:dev|serve|sim|ps -w|logs .*-f|events .*-f)/;

/** What must be there before. Where an example names my-llama or 142, an instance of it runs, unless said here. */
const NEEDS: Record<string, Need> = {
  'models:register': 'nothing',
  'models:remove': 'model',
  'models:show': 'model',
  'models:update': 'model',
  'instances:launch': 'model',
  ps: 'running',
  resume: 'stopped',
  'aliases:show': 'alias',
  'aliases:remove': 'alias',
  'profiles:use': 'logins',
  'profiles:remove': 'logins',
};
type Need = 'nothing' | 'model' | 'running' | 'stopped' | 'alias' | 'logins';

const SOURCE = { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct' } as const;
const LAUNCH = { image: 'ecolink/sim', regions: ['local-a'], gpu: { type: 'h100', count: 1 } };

const FILES = {
  'key.txt': '',
  'token.txt': 'hf_example\n',
  'app.env': 'A=1\n',
  'secrets.env': 'TOKEN=hush\n',
  'ecolink.yaml': 'listen: 127.0.0.1:0\ndata: ./serve-data\nlog_level: silent\n',
  'catalog.yaml': 'models: [{ id: acme/chat-1, display_name: Chat 1, category: chat }]\n',
  'eco.yaml': 'name: assistant\nmodel: { source: { type: image } }\nimage: ecolink/sim\nregions: [local-a]\n',
};

describe('the examples of the help texts', { concurrency: 3 }, () => {
  const home = makeHome();
  let dev: EcoDev;
  before(async () => {
    dev = await startEcoDev(home);
  });
  after(async () => {
    await dev[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  for (const { id, line } of examples) {
    const [, why] = [...PARSED].find(([pattern]) => pattern.test(line)) ?? [];
    if (why !== undefined) test(`${line}: is understood (${why})`, () => parse({ id, line }));
    else
      test(line, async () => {
        await using account = await openAccount(id, line);
        if (ENDLESS.test(line))
          await interrupt(spawn(process.execPath, [bin, ...splitWords(account.line).slice(1)], account.options));
        else await succeed(spawn('bash', ['--norc', '-euc', PRELUDE + account.line], account.options), account.line);
      });
  }

  /** An account of its own, with what the example takes for granted, and the line with its ids. */
  async function openAccount(id: string, line: string) {
    const { url, admin_key } = dev.ready;
    const { admin } = new Eco({ baseUrl: url, apiKey: admin_key });
    const { id: accountId, secret } = await admin.createAccount({ name: line.slice(0, 80) });
    await admin.credit({ account_id: accountId, amount: '1000.00' });
    const eco = new Eco({ baseUrl: url, apiKey: secret });
    const cwd = prepareFolder(secret, url);
    const workload = await prepare(eco, line, NEEDS[id] ?? (/my-llama|142/.test(line) ? 'running' : 'nothing'));
    const key = await eco.keys.create({ name: 'another' });
    const env = { ...home.environment, HOME: cwd, ECO_CONFIG_DIR: join(cwd, 'config') };
    const withKey = { ...env, ECO_API_URL: url, ECO_API_KEY: secret, ECO_ADMIN_KEY: admin_key };
    return {
      line: line
        .replace(/\b142\b/, String(workload))
        .replace('acc_…', accountId)
        .replace('key_…', key.id)
        .replace('https://eco.example.com', url)
        .replace('--port 9000', '--port 0'),
      options: {
        cwd,
        env: /^eco (?:login|profiles|logout|config|dev)/.test(line) ? env : withKey,
        timeout: RUN_TIMEOUT_MS,
      },
      /** GPUs are few and examples many. */
      [Symbol.asyncDispose]: async () => {
        for await (const { id } of eco.workloads.list()) await eco.workloads.terminate(id);
      },
    };
  }

  function prepareFolder(secret: string, url: string): string {
    const cwd = mkdtempSync(join(home.folder, 'example-'));
    for (const [name, content] of Object.entries({ ...FILES, 'key.txt': secret }))
      writeFileSync(join(cwd, name), content);
    mkdirSync(join(cwd, '.config/fish/completions'), { recursive: true });
    mkdirSync(join(cwd, 'config'));
    const profiles = {
      default: { api_url: url, api_key: secret },
      prod: { api_url: url, api_key: secret },
      old: { api_url: url, api_key: secret },
    };
    writeFileSync(join(cwd, 'config/config.json'), JSON.stringify({ profiles }), { mode: 0o600 });
    return cwd;
  }

  /** Returns the id of the instance. */
  async function prepare(eco: Eco, line: string, need: Need): Promise<number | undefined> {
    if (need === 'nothing' || need === 'logins') return undefined;
    const names = /my-embedder/.test(line) ? ['my-llama', 'my-embedder'] : ['my-llama'];
    for (const name of names) await eco.models.register({ name, category: 'chat', source: SOURCE });
    if (need === 'model') return undefined;
    const launched = await Promise.all(names.map((model) => eco.instances.launch({ model, ...LAUNCH })));
    const [first] = await Promise.all(launched.map(({ id }) => eco.workloads.waitUntil(id, ['running'])));
    const id = first!.id;
    if (need === 'alias') await eco.aliases.set('assistant', String(id));
    if (need === 'stopped') await eco.workloads.stop(id);
    if (need === 'stopped') await eco.workloads.waitUntil(id, ['stopped']);
    return id;
  }
});

describe('the tables of this test', () => {
  test('every command has an example', () => {
    const missing = commands.filter(({ id }) => !examples.some((example) => example.id === id));
    assert.deepEqual(
      missing.map(({ id }) => id),
      [],
    );
  });

  test('each entry is still needed', () => {
    const unused = [...PARSED.keys(), ENDLESS].filter((pattern) => !examples.some(({ line }) => pattern.test(line)));
    assert.deepEqual(unused, []);
    assert.deepEqual(
      Object.keys(NEEDS).filter((id) => !examples.some((example) => example.id === id)),
      [],
    );
    const lines = examples.map(({ line }) => line).join('\n');
    assert.deepEqual(
      Object.keys(FILES).filter((name) => !lines.includes(name)),
      [],
    );
  });
});

async function succeed(child: ChildProcess, line: string): Promise<void> {
  child.stdin?.end();
  const { code, stdout, stderr } = await finish(child);
  assert.equal(code, 0, `${line}\n${stdout}\n${stderr}`);
}

async function interrupt(child: ChildProcess): Promise<void> {
  const ended = finish(child);
  await Promise.race([once(child.stdout!, 'data'), ended]);
  assert.equal(child.exitCode, null, 'it ended by itself');
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  assert.ok(code === 0 || code === 130, `${code} ${stderr}`);
}

async function parse({ id, line }: Example): Promise<void> {
  const command = commands.find((each) => each.id === id)!;
  const { flags = {}, baseFlags = {}, args = {}, strict = true } = await command.load();
  const words = splitWords(line.replace(/^\w+=\S+ /, '').replace(/ < .*/, ''));
  const behind = words.slice(1 + id.split(':').length);
  const parsed = await Parser.parse(behind, { flags: { ...baseFlags, ...flags }, args, strict });
  assert.ok(parsed.raw.length > 0 || behind.length === 0);
}

async function loadCommands() {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  Object.assign(pjson.oclif, { commands: './cli/commands', hooks: {} });
  const config = await Config.load({ root, pjson, ignoreManifest: true });
  return config.commands.filter((command) => !command.hiddenAliases.includes(command.id));
}

function examplesOf({ id, examples = [] }: (typeof commands)[number]): Example[] {
  const words = id.replaceAll(':', ' ');
  return examples.map((text) => ({
    id,
    line: String(text).replaceAll('<%= config.bin %>', 'eco').replaceAll('<%= command.id %>', words),
  }));
}
