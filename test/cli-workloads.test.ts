import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  createChatCompletion,
  createKey,
  getWorkload,
  importModels,
  listCatalog,
  listEvents,
  listKeys,
  listReplicas,
  listWorkloads,
  readLogs,
  revokeKey,
  runAudit,
  stopWorkload,
  terminateWorkload,
} from '../sdk/index.ts';
import { openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';

import { eco, folder, root, start } from './run-eco.ts';

describe('workloads', () => {
  test('ps: a table for people, ids with -q, the page as it came with --json', async () => {
    await using api = await openFakeApi();
    const page = { ...documents.pageOf(documents.workload()), next: 'abc' };
    api.on(listWorkloads, () => page);
    const [plain, quiet, scripted] = [
      await eco(['ps'], { api }),
      await eco(['ps', '-q'], { api }),
      await eco(['ps', '--all', '--json'], { api }),
    ];
    assert.match(plain.stdout, /^ID +NAME +STATE/);
    assert.match(plain.stdout, /^142 +my-llama +running +2\/2 +h100:2 +local-a,local-b +\$9\.20\/h/m);
    assert.match(plain.stderr, /--after abc/);
    assert.equal(quiet.stdout, '142\n');
    assert.deepEqual(scripted.json(), page);
    assert.deepEqual(
      api.calls.map(({ input }) => (input as { all: string }).all),
      [undefined, undefined, 'true'],
    );
  });

  test('instances show: fields and replicas', async () => {
    await using api = await openFakeApi();
    api.on(listReplicas, () => documents.pageOf(documents.replica()));
    const { getInstance } = await import('../sdk/index.ts');
    api.on(getInstance, () => documents.workload());
    const { stdout } = await eco(['instances', 'show', 'my-llama'], { api });
    assert.match(stdout, /hold +\$220\.80/);
    assert.match(stdout, /142-local-a-7x3k +local-a +ready/);
  });

  test('logs: lines, with their replica where there are several, or JSON lines; a cut stream is an error', async () => {
    await using api = await openFakeApi();
    const line = { replica: '142-local-a-7x3k', region: 'local-a', at: 5, stream: 'stderr' as const, text: 'hello' };
    let several = false;
    api.on(readLogs, async function* () {
      yield line;
      yield { ...line, text: 'again' };
      if (several) yield { ...line, replica: '142-local-b-9d2f', text: 'there' };
    });
    const plain = await eco(['logs', '142', '--since', '10m', '--tail', '5'], { api });
    assert.equal(plain.stdout, 'hello\nagain\n');
    const { since, ...asked } = api.calls.find(({ endpoint }) => endpoint === 'readLogs')!.input as { since: string };
    assert.deepEqual(asked, { workload: '142', tail: '5' });
    assert.ok(Math.abs(Date.now() - 600_000 - Number(since)) < 60_000);
    const scripted = await eco(['logs', '142', '--json'], { api });
    assert.deepEqual(
      scripted.stdout
        .trim()
        .split('\n')
        .map((each) => JSON.parse(each).text),
      ['hello', 'again'],
    );

    several = true;
    api.on(listReplicas, () =>
      documents.pageOf(documents.replica(), { ...documents.replica(), id: '142-local-b-9d2f' }),
    );
    const merged = await eco(['logs', '142'], { api });
    assert.equal(merged.stdout, 'local-a-7x3k | hello\nlocal-a-7x3k | again\nlocal-b-9d2f | there\n');

    api.raw(readLogs, (res) => void res.write(`${JSON.stringify(line)}\n`, () => res.destroy()));
    const cut = await eco(['logs', '142'], { api });
    assert.match(cut.stderr, /\[stream_cut\]/);
    assert.deepEqual([cut.code, cut.stdout], [1, 'local-a-7x3k | hello\n']);
  });

  test('Ctrl-C ends logs -f with 130', async () => {
    await using api = await openFakeApi();
    const line = { replica: 'r', region: 'local-a', at: 5, stream: 'stdout', text: 'hello' };
    api.raw(readLogs, (res) => void res.write(`${JSON.stringify(line)}\n`));
    const child = start(['logs', '142', '-f'], { api });
    const closed = once(child, 'close');
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    assert.equal((await closed)[0], 130);
  });

  test('a reader that leaves ends logs -f', async () => {
    await using api = await openFakeApi();
    const line = `${JSON.stringify({ replica: 'r', region: 'a', at: 5, stream: 'stdout', text: 'hello' })}\n`;
    api.raw(readLogs, (res) => {
      const timer = setInterval(() => res.write(line), 5);
      res.once('close', () => clearInterval(timer));
    });
    const child = start(['logs', '142', '-f'], { api });
    const closed = once(child, 'exit');
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    assert.equal((await closed)[0], 0);
  });

  test('events are a table, or lines', async () => {
    await using api = await openFakeApi();
    api.on(listEvents, () => documents.pageOf(documents.event({ message: 'esc\u001b[2Jape\nnow' })));
    const { stdout } = await eco(['events', '142'], { api });
    assert.match(stdout, /normal +ready +system +escape now\n$/);
  });

  test('stop asks nothing; terminate needs a yes', async () => {
    await using api = await openFakeApi();
    api.on(getWorkload, () => documents.workload());
    api.on(stopWorkload, () => documents.workload({ state: 'stopping', message: 'Stopping 2 replicas.' }));
    api.on(terminateWorkload, () => documents.workload({ state: 'terminated' }));
    const stopped = await eco(['stop', 'my-llama'], { api });
    assert.equal(stopped.stdout, 'my-llama:142 is stopping. Stopping 2 replicas.\n');
    const unsaid = await eco(['terminate', 'my-llama', '--json'], { api });
    assert.match(unsaid.json().error.message, /Terminate my-llama:142 for good\? .*--yes/);
    assert.equal(unsaid.code, 2);
    assert.ok(!api.calls.some(({ endpoint }) => endpoint === 'terminateWorkload'));
    assert.equal((await eco(['terminate', 'my-llama', '--yes', '-q'], { api })).stdout, '142\n');
  });
});

describe('chat', () => {
  const chunk = (content: string) => ({ id: 'c', choices: [{ index: 0, delta: { content } }] });
  const sse = (...contents: string[]) => contents.map((each) => `data: ${JSON.stringify(chunk(each))}\n\n`).join('');

  test('streams to stdout; the message may be piped in', async () => {
    await using api = await openFakeApi();
    api.raw(createChatCompletion, (res) => void res.end(`${sse('Hel', 'lo')}data: [DONE]\n\n`));
    const { code, stdout } = await eco(['chat', 'my-llama:142', '--system', 'Be brief.'], { api, input: 'Hi\n' });
    assert.deepEqual([code, stdout], [0, 'Hello\n']);
    assert.deepEqual(api.calls[0]?.input, {
      model: 'my-llama:142',
      stream: true,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
    });
    const scripted = await eco(['chat', 'my-llama:142', 'Hi', '--json'], { api });
    assert.deepEqual(
      scripted.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [chunk('Hel'), chunk('lo')],
    );
  });

  test('what came before a cut is printed, then the error', async () => {
    await using api = await openFakeApi();
    api.raw(createChatCompletion, (res) => void res.end(sse('Hel')));
    const { code, stdout, stderr } = await eco(['chat', 'm:1', 'Hi'], { api });
    assert.deepEqual([code, stdout], [1, 'Hel\n']);
    assert.match(stderr, /\[stream_cut\]/);
  });

  test('a model without a price: exit 6', async () => {
    await using api = await openFakeApi();
    api.raw(
      createChatCompletion,
      (res) => void res.writeHead(402).end('{"error":"model_not_priced: m is registered but not yet priced"}'),
    );
    const { code, json } = await eco(['chat', 'm:1', 'Hi', '--json'], { api });
    assert.deepEqual(
      [code, json().error.code, json().error.message],
      [6, 'model_not_priced', 'm is registered but not yet priced'],
    );
  });

  test('nothing to say: exit 2', async () => {
    await using api = await openFakeApi();
    assert.deepEqual([(await eco(['chat', 'm:1'], { api })).code, api.calls.length], [2, 0]);
  });
});

describe('account and operator', () => {
  test('keys create prints only the key on stdout; revoke needs a yes', async () => {
    await using api = await openFakeApi();
    api.on(createKey, ({ name, scopes }) => ({
      ...documents.key({ name, scopes: scopes ?? null }),
      secret: 'eco_new',
    }));
    api.on(listKeys, () => documents.pageOf(documents.key()));
    api.on(revokeKey, ({ key_id }) => documents.key({ id: key_id, revoked_at: 1 }));
    const made = await eco(['keys', 'create', 'ci', '--scope', 'inference', '--spend-cap', '5.00'], { api });
    assert.equal(made.stdout, 'eco_new\n');
    assert.deepEqual(api.calls[0]?.input, { name: 'ci', scopes: ['inference'], spend_cap: '5.00' });
    assert.equal((await eco(['keys', 'revoke', 'key_1'], { api })).code, 2);
    assert.equal((await eco(['keys', 'revoke', 'key_1', '--yes'], { api })).stdout, 'Revoked key_1 (laptop).\n');
  });

  test('the catalogue needs no login', async () => {
    await using api = await openFakeApi();
    api.on(listCatalog, () => [documents.platformModel()]);
    const env = { ECO_CONFIG_DIR: join(folder, 'nobody') };
    const { stdout } = await eco(['catalog', '--api-url', api.url], { env });
    assert.match(stdout, /llama-3\.1-8b +chat +131072 +\$0\.05\/1M in, \$0\.08\/1M out +local-a +active/);
  });

  test('a catalogue file is imported as it stands', async () => {
    await using api = await openFakeApi();
    api.on(importModels, ({ models }) => ({
      object: 'import' as const,
      created: models.map(({ id }) => id),
      updated: [],
    }));
    const file = join(folder, 'catalog.yaml');
    await writeFile(file, 'models:\n  - id: llama\n    display_name: Llama\n    category: chat\n');
    assert.equal((await eco(['admin', 'models', 'import', file], { api })).stdout, 'Created 1, updated 0.\n');
    assert.deepEqual(api.calls[0]?.input, { models: [{ id: 'llama', display_name: 'Llama', category: 'chat' }] });
    const [missing, empty] = await Promise.all([
      eco(['admin', 'models', 'import', `${file}.not`], { api }),
      eco(['admin', 'models', 'import', join(root, 'package.json')], { api }),
    ]);
    assert.deepEqual([missing.code, empty.code, api.calls.length], [2, 2, 1]);
  });

  test('an audit with findings prints them and ends with 1', async () => {
    await using api = await openFakeApi();
    const finding = { check: 'balances', subject: 'acc_1', expected: '5.00', found: '4.00' };
    const audit = documents.audit({ clean: false, findings: [finding] });
    api.on(runAudit, () => audit);
    const plain = await eco(['admin', 'audit'], { api });
    assert.match(plain.stdout, /balances +acc_1 +5\.00 +4\.00/);
    const scripted = await eco(['admin', 'audit', '--json'], { api });
    assert.deepEqual(scripted.json(), audit);
    assert.deepEqual([plain.code, scripted.code], [1, 1]);
  });
});
