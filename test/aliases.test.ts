import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Eco, type Workload } from '../sdk/index.ts';
import { saveAlias } from '../server/aliases/store.ts';
import { simulatorProgram } from '../server/cluster/local/program.ts';
import { nextChange } from '../server/db/changes.ts';
import { DIALECTS } from './databases.ts';
import { startEco, type TestEco } from './harness.ts';
import { until } from './until.ts';

const CATALOG = [
  { id: 'vendor/echo', aliases: ['Echo-1'], display_name: 'Echo', category: 'chat' as const, backends: [] },
];

for (const dialect of DIALECTS)
  describe(`aliases on ${dialect}`, () => {
    let server: TestEco;
    let eco: Eco;
    let first: Workload;
    let second: Workload;

    const launch = async (args: string[] = []) => {
      const sim = ['--ttft', '1ms', '--itl', '1ms', ...args];
      return eco.instances.launch({ model: 'my-llama', image: 'ecolink/sim', regions: ['local-a'], args: sim });
    };
    const ask = (model: string, by = eco) =>
      by.chat.create({ model, messages: [{ role: 'user', content: 'hi' }] }, { maxRetries: 0 });
    const keyFor = async (allowed_models: string[]) => {
      const { secret } = await eco.keys.create({ name: 'narrow', allowed_models });
      return new Eco({ baseUrl: server.url, apiKey: secret });
    };
    const auditOf = (target: string) =>
      server.server.context.db
        .selectFrom('audit_log')
        .select(['action', 'detail'])
        .where('target', '=', target)
        .orderBy('at')
        .orderBy('id')
        .execute();

    before(async () => {
      server = await startEco(dialect);
      eco = server.eco;
      await server.admin.admin.importModels({ models: CATALOG });
      await eco.models.register({ name: 'my-llama', source: { type: 'image' } });
      const [a, b] = await Promise.all([launch(), launch()]);
      first = await eco.instances.waitUntilRunning(a.id);
      second = await eco.instances.waitUntilRunning(b.id);
    });
    after(() => server[Symbol.asyncDispose]());

    test('an alias that another server made is found by the first request', async () => {
      const { db } = server.server.context;
      await db.transaction().execute(async (trx) => {
        const row = { account_id: server.accountId, name: 'elsewhere', workload_id: first.id, fingerprint: null };
        const changed_seq = await nextChange(trx, 'aliases');
        await saveAlias(trx, { ...row, updated_at: 1, removed_at: null, changed_seq });
      });
      assert.equal((await ask('elsewhere')).model, 'my-llama');
      await eco.aliases.remove('elsewhere');
    });

    test('an alias leads to an instance, then to another, and every change is in the audit log', async () => {
      const made = await eco.aliases.set('assistant', first.ref, { fingerprint: 'v1' });
      assert.deepEqual(
        { ...made, updated_at: 0 },
        {
          object: 'alias',
          name: 'assistant',
          workload_id: first.id,
          ref: first.ref,
          fingerprint: 'v1',
          updated_at: 0,
        },
      );
      assert.deepEqual(await eco.aliases.get('assistant'), made);
      assert.equal((await eco.aliases.set('assistant', second.id)).ref, second.ref);
      assert.deepEqual(
        (await eco.aliases.list()).data.map(({ name, ref, fingerprint }) => [name, ref, fingerprint]),
        [['assistant', second.ref, null]],
      );
      assert.equal((await eco.aliases.remove('assistant')).ref, second.ref);
      await assert.rejects(eco.aliases.get('assistant'), { code: 'not_found', hint: 'eco aliases list' });
      await assert.rejects(eco.aliases.remove('assistant'), { code: 'not_found' });
      await assert.rejects(ask('assistant'), { code: 'model_not_found' });

      await eco.aliases.set('assistant', first.id, { expected_workload_id: null });
      assert.deepEqual(
        (await auditOf('assistant')).map(({ action, detail }) => [action, JSON.parse(detail)]),
        [
          ['alias.set', { from: null, to: first.id, fingerprint: 'v1' }],
          ['alias.set', { from: first.id, to: second.id, fingerprint: null }],
          ['alias.remove', { from: second.id }],
          ['alias.set', { from: null, to: first.id, fingerprint: null }],
        ],
      );
    });

    test('aliases are listed by name, page after page', async () => {
      for (const name of ['page-c', 'page-a', 'page-b']) await eco.aliases.set(name, first.id);
      const all = await Array.fromAsync(eco.aliases.list({ limit: 1 }));
      const names = all.map(({ name }) => name).filter((name) => name.startsWith('page-'));
      assert.deepEqual(names, ['page-a', 'page-b', 'page-c']);
    });

    test('of many that lead it away from the same place one wins, and the others are told where it leads', async () => {
      await eco.aliases.set('raced', first.id);
      const racers = Array.from({ length: 8 }, () =>
        eco.aliases.set('raced', second.id, { expected_workload_id: first.id }, { maxRetries: 0 }),
      );
      const outcomes = await Promise.allSettled(racers);
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
      assert.equal(lost.length, 7);
      for (const error of lost) {
        assert.deepEqual([error.code, error.param], ['conflict', 'expected_workload_id']);
        assert.match(error.message, new RegExp(`leads to ${second.ref} now, not to ${first.id} as expected`));
      }
      await assert.rejects(eco.aliases.set('raced', first.id, { expected_workload_id: null }), { code: 'conflict' });
    });

    test('an alias leads only to what runs, is of the account, and has no name of a platform model', async () => {
      const loading = await launch(['--load', '1h']);
      await assert.rejects(eco.aliases.set('early', loading.id), {
        code: 'conflict',
        param: 'workload',
        hint: `eco wait ${loading.id}`,
      });
      await eco.workloads.terminate(loading.id);
      await assert.rejects(eco.aliases.set('late', loading.id), { code: 'conflict', message: /stopping|terminated/ });
      await assert.rejects(eco.aliases.set('echo-1', first.id), { code: 'conflict', message: /vendor\/echo/ });
      await assert.rejects(eco.aliases.set('Loud', first.id), { code: 'invalid_request' });
      await assert.rejects(eco.aliases.set('nowhere', 999_999), { code: 'not_found' });
      const drafted = { model: 'my-llama', draft: { category: 'chat', source: { type: 'image' } } } as const;
      await assert.rejects(eco.instances.launch(drafted), { code: 'invalid_request', param: 'draft' });
      const other = await server.newAccount();
      await assert.rejects(other.eco.aliases.set('mine', first.id), { code: 'forbidden' });

      const custom = { model: 'my-llama', image: 'ecolink/sim', regions: ['local-a'], custom_api_path: '/v1' };
      const own = await eco.instances.launch(custom);
      await assert.rejects(eco.aliases.set('own', own.id), { code: 'not_supported' });
      await eco.workloads.terminate(own.id);
    });

    test('a request by alias is answered by its instance, and metered under it', async () => {
      await eco.aliases.set('chat-bot', first.id);
      const { model } = await ask('chat-bot');
      assert.equal(model, 'my-llama');
      const row = await until('the usage record', async () => {
        const rows = (await eco.billing.usage({ group_by: 'model' })).data;
        return rows.find(({ group }) => group === first.ref);
      });
      assert.ok(row.requests >= 1);

      const other = await server.newAccount();
      await assert.rejects(ask('chat-bot', other.eco), { code: 'model_not_found' });
    });

    test('a key may call an instance by all its names if one of them is allowed', async () => {
      await eco.aliases.set('allowed', first.id);
      for (const name of ['allowed', first.ref]) {
        const narrow = await keyFor([name]);
        await Promise.all([ask('allowed', narrow), ask(first.ref, narrow)]);
        await assert.rejects(ask(second.ref, narrow), { code: 'forbidden' });
        const listed = (await narrow.servedModels.list()).data.map(({ id }) => id);
        assert.ok(listed.includes('allowed') && listed.includes(first.ref) && !listed.includes(second.ref));
      }
      await assert.rejects(ask('allowed', await keyFor([second.ref])), { code: 'forbidden' });
    });

    test('an alias is listed among the models as long as its instance can be called', async () => {
      await eco.aliases.set('listed', second.id);
      assert.equal((await eco.servedModels.get('listed')).id, 'listed');
      await eco.aliases.remove('listed');
      await assert.rejects(eco.servedModels.get('listed'), { code: 'model_not_found' });
    });

    test('an alias of an instance that was stopped or terminated says so', async () => {
      const { id } = await launch();
      await eco.instances.waitUntilRunning(id);
      await eco.aliases.set('passing', id);
      await eco.workloads.stop(id);
      await eco.workloads.waitUntil(id, ['stopped']);
      await assert.rejects(ask('passing'), { code: 'model_not_ready', message: /my-llama:\d+" is stopped/ });
      await eco.workloads.terminate(id);
      await eco.workloads.waitUntil(id, ['terminated']);
      await assert.rejects(ask('passing'), {
        code: 'model_not_found',
        message: /"passing" leads to was terminated/,
        hint: 'eco aliases set passing <instance>',
      });
    });

    test('a model gets another source, another token, or none', async () => {
      const source = { type: 'huggingface', repo: 'acme/tuned', revision: 'v1' } as const;
      const { id: model } = await eco.models.register({ name: 'tuned', source, token: 'hf_first' });
      const moved = await eco.models.update('tuned', { source: { ...source, revision: 'v2' } });
      assert.deepEqual([moved.id, moved.source, moved.has_token], [model, { ...source, revision: 'v2' }, true]);
      assert.equal((await eco.models.update(model, { token: null })).has_token, false);
      await assert.rejects(eco.models.update('tuned', {}), { code: 'invalid_request', param: 'source' });
      await assert.rejects(eco.models.update('none', { token: null }), { code: 'not_found' });
      await eco.models.update('tuned', { token: 'hf_second' });
      const image = await eco.models.update('tuned', { source: { type: 'image' } });
      assert.deepEqual([image.source, image.has_token], [{ type: 'image' }, false]);
      await assert.rejects(eco.models.update('tuned', { token: 'x' }), { code: 'invalid_request', param: 'token' });
      const audit = await auditOf(model);
      assert.deepEqual(
        audit.map(({ action }) => action),
        ['model.register', ...Array(4).fill('model.update')],
      );
      assert.ok(!JSON.stringify(audit).includes('hf_'), 'no token stands in the audit log');
    });
  });

test('what runs keeps the token that it was launched with, and the process that has it', async () => {
  await using server = await startEco();
  const { eco } = server;
  const source = { type: 'huggingface', repo: 'acme/tuned' } as const;
  await eco.models.register({ name: 'tuned', source, token: 'hf_first' });
  const script = 'echo "token of $(printf %s "$HF_TOKEN" | wc -c) characters"; exec "$0" "$1"'; // logs do not show the token itself
  const command = ['sh', '-c', script, process.execPath, simulatorProgram];
  const launch = { model: 'tuned', command, regions: ['local-a'] };
  const { id } = await eco.instances.launch(launch);
  await eco.instances.waitUntilRunning(id);
  const [before] = (await eco.workloads.replicas(id)).data;

  await eco.models.update('tuned', { token: 'hf_second' });
  await eco.workloads.scale(id, 2);
  await eco.instances.waitUntilRunning(id);
  const replicas = (await eco.workloads.replicas(id)).data;
  assert.equal(replicas.length, 2);
  assert.ok(replicas.some((replica) => replica.id === before?.id && replica.pid === before.pid));
  const said = (await Array.fromAsync(eco.workloads.logs(id))).map(({ text }) => text);
  const eight = 'token of 8 characters';
  assert.deepEqual(
    said.filter((text) => text.startsWith('token')),
    [eight, eight],
  );
});
