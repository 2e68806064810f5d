import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { before, describe, test } from 'node:test';
import {
  createAccount,
  creditAccount,
  type Endpoint,
  extendWorkload,
  followEvents,
  getBalance,
  getInstance,
  getModel,
  getWorkload,
  listAccounts,
  listAdminModels,
  listCatalog,
  listEvents,
  listInstances,
  listKeys,
  listModels,
  listRegions,
  listTransactions,
  listUsage,
  type Output,
  priceModel,
  removeModel,
  resumeWorkload,
  scaleWorkload,
  whoAmI,
} from '../sdk/index.ts';
import { type FakeApi, openFakeApi, type Recorded } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';
import { eco, environment, finish, root } from './run-eco.ts';

interface Row {
  args: string;
  endpoint: Endpoint;
  answer: unknown;
  /** What a script reads, where it is not the answer itself. */
  shown?: object;
  /** What a person reads. */
  shows: RegExp;
  /** What the server was asked. */
  asked?: object;
}

const row = <E extends Endpoint>(
  args: string,
  endpoint: E,
  answer: Output<E>,
  shows: RegExp,
  asked: object = {},
): Row => ({ args, endpoint, answer, shows, asked });

const { account, pageOf, workload } = documents;
const balance = { object: 'balance' as const, available: '779.20', held: '220.80', burn_rate_per_hour: '9.20' };
const credit = {
  object: 'credit' as const,
  transaction_id: 'txn_1',
  account_id: 'acc_1',
  amount: '5.00',
  available: '15.00',
};
const scaled = workload({ state: 'pending', message: 'Scaling to 3.' });
const revoked = documents.key({ id: 'key_2', revoked_at: 1, scopes: ['inference'] });
const scored = { account_id: 'acc_1', amount: '5.00', kind: 'bonus', reference: 'r-1' };
const prices = { input_per_1m: '0.05', per_1k_documents: '2' };

const rows: Row[] = [
  row('whoami', whoAmI, documents.whoAmI(), /account +Acme \(acc_1\)\nkey +laptop \(…abcd\)/),
  row(
    'models list --limit 5',
    listModels,
    pageOf(documents.model()),
    /my-llama +mdl_1 +chat +hf:meta-llama\/\S+@main/,
    {
      limit: '5',
    },
  ),
  row('models show my-llama', getModel, documents.model(), /token +none/, { model: 'my-llama' }),
  row('models remove my-llama', removeModel, documents.model(), /^Removed my-llama\.\n$/, { model: 'my-llama' }),
  row('instances list --state running', listInstances, pageOf(workload()), /142 +my-llama/, {
    state: 'running',
    limit: '50',
  }),
  row('scale my-llama:142 -n 3', scaleWorkload, scaled, /^my-llama:142 is pending\. Scaling to 3\.\n$/, {
    workload: 'my-llama:142',
    replicas: 3,
  }),
  row('resume 142', resumeWorkload, workload({ state: 'pending' }), /is pending/, { workload: '142' }),
  row('extend 142 --hours 2', extendWorkload, workload(), /2 more h/, { workload: '142', hours: 2 }),
  row('wait 142', getWorkload, workload(), /^my-llama:142 is running\.\n$/, { workload: '142' }),
  row('events 142', listEvents, pageOf(documents.event()), /normal +ready +system +All 2 replicas are ready\./, {
    workload: '142',
    limit: '50',
  }),
  row(
    'keys list',
    listKeys,
    pageOf(documents.key(), revoked),
    /key_1 .* active\nkey_2 .* inference .* revoked \d+d ago/,
    {
      limit: '50',
    },
  ),
  row('catalog', listCatalog, [documents.platformModel()], /llama-3\.1-8b +chat/),
  row(
    'regions',
    listRegions,
    { ...pageOf(documents.region()), next: null },
    /h100 \(simulated\) +\$2\.30\/h +6 of 8 +6 +shared +reachable/,
  ),
  {
    ...row(
      'filesystems',
      listRegions,
      { ...pageOf(documents.region()), next: null },
      /local-a +shared +\/shared +512 GiB/,
    ),
    shown: {
      object: 'list',
      data: [{ region: 'local-a', name: 'shared', mount: '/shared', size_gib: 512 }],
      next: null,
    },
  },
  row('billing balance', getBalance, balance, /available +\$779\.20\nheld +\$220\.80\nburn rate +\$9\.20\/h/),
  row(
    'billing transactions --kind hold',
    listTransactions,
    pageOf(documents.transaction()),
    /hold +-\$220\.80 +\$779\.20/,
    {
      kind: 'hold',
      limit: '50',
    },
  ),
  row(
    'billing usage --by model',
    listUsage,
    pageOf(documents.usageRow()),
    /^MODEL +REQUESTS +IN[\s\S]*3 +30 +0 +90 +\$0\.00/,
    {
      group_by: 'model',
      limit: '50',
    },
  ),
  row('admin accounts create Acme', createAccount, { ...account(), secret: 'eco_first' }, /^eco_first\n$/, {
    name: 'Acme',
  }),
  row(
    'admin accounts list',
    listAccounts,
    pageOf({ ...account(), available: '5.00', held: '0.00' }),
    /acc_1 +Acme +\$5\.00 +\$0\.00/,
    { limit: '50' },
  ),
  row(
    'admin credit acc_1 5.00 --kind bonus --reference r-1',
    creditAccount,
    credit,
    /^Credited \$5\.00 to acc_1, .*\$15\.00/,
    scored,
  ),
  row(
    'admin models list',
    listAdminModels,
    { ...pageOf(documents.adminModel()), next: null },
    /BACKENDS\nllama-3\.1-8b/,
  ),
  row(
    'admin models price llama-3.1-8b --input 0.05 --1k-documents 2',
    priceModel,
    documents.adminModel(),
    /^llama-3\.1-8b: \$0\.05\/1M in, \$0\.08\/1M out\n$/,
    { model: 'llama-3.1-8b', prices },
  ),
];

describe('commands that make one call: text for people, the document of the contract for scripts', () => {
  let outputs: string[];
  let calls: Recorded[];
  before(async () => {
    await using api = await openFakeApi();
    for (const { endpoint, answer } of rows) api.on(endpoint, () => answer as never);
    outputs = await runAll(
      rows.flatMap(({ args }) => [args.split(' '), [...args.split(' '), '--json']]),
      api,
    );
    calls = api.calls;
  });

  for (const [index, { args, answer, shown, shows, asked }] of rows.entries())
    test(args, () => {
      assert.match(outputs[2 * index]!, shows);
      assert.deepEqual(JSON.parse(outputs[2 * index + 1]!), shown ?? answer);
      assert.deepEqual(calls[2 * index]!.input, asked);
    });
});

/** What each command prints, all run in one process: a process each would take a minute. */
async function runAll(commands: string[][], api: FakeApi): Promise<string[]> {
  const script = `
    import { readFileSync } from 'node:fs';
    import { run } from '@oclif/core';
    const pjson = JSON.parse(readFileSync('package.json', 'utf8'));
    pjson.oclif = { ...pjson.oclif, commands: './cli/commands', hooks: {} };
    for (const command of ${JSON.stringify(commands)}) {
      await run(command, { root: process.cwd(), pjson, ignoreManifest: true });
      process.stdout.write('\\0');
    }`;
  const { stdout, code } = await finish(
    spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
      env: environment({ api }),
    }),
  );
  assert.equal(code, 0);
  return stdout.split('\0');
}

test('instances show --json is the instance as the server has it', async () => {
  await using api = await openFakeApi();
  api.on(getInstance, () => workload());
  assert.deepEqual((await eco(['instances', 'show', '142', '--json'], { api })).json(), workload());
});

test('events -f prints what comes, until the server ends it', async () => {
  await using api = await openFakeApi();
  api.on(followEvents, async function* () {
    yield documents.event({ reason: 'loading_model', message: 'Loading.' });
    yield documents.event();
  });
  const { stdout } = await eco(['events', '142', '-f'], { api });
  assert.match(
    stdout,
    /^\d\d:\d\d:\d\d {2}normal {2}loading_model {2}Loading\.\n.*ready {2}All 2 replicas are ready\.\n$/,
  );
});

test('an empty list says what to do next, on stderr; with --json it is an empty page', async () => {
  await using api = await openFakeApi();
  api.on(listModels, () => pageOf());
  const [plain, scripted] = await Promise.all([
    eco(['models', 'list'], { api }),
    eco(['models', 'list', '--json'], { api }),
  ]);
  assert.deepEqual([plain.stdout, plain.stderr], ['', 'No models yet. Register one: eco models register --help\n']);
  assert.deepEqual([scripted.json(), scripted.stderr], [pageOf(), '']);
});
