import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ErrorBody } from '../sdk/contract/index.ts';
import { Eco } from '../sdk/index.ts';
import { identify } from '../server/accounts/caller.ts';
import { openKeyring } from '../server/accounts/keyring.ts';
import { isWellFormedKey, makeKey } from '../server/accounts/secret-key.ts';
import { insertAccount, insertKey, revokeKeyRow } from '../server/accounts/store.ts';
import { startChanges } from '../server/db/changes.ts';
import { startIdempotencyPurge } from '../server/idempotency-purge.ts';
import { openLog } from '../server/log.ts';
import { openSecrets } from '../server/secrets.ts';
import { DIALECTS, openTestDatabase } from './databases.ts';
import { startEco, type TestEco } from './harness.ts';
import { until } from './until.ts';

test('a key has 32 random characters and a checksum that catches every mistyped one', () => {
  const key = makeKey();
  assert.match(key, /^eco_[0-9A-Za-z]{38}$/);
  assert.ok(isWellFormedKey(key));
  fc.assert(
    fc.property(fc.nat(37), fc.constantFrom(...'0123456789abcXYZ'), (position, replacement) => {
      const at = 'eco_'.length + position;
      if (key[at] === replacement) return;
      assert.ok(!isWellFormedKey(key.slice(0, at) + replacement + key.slice(at + 1)));
    }),
  );
});

/** As after a crash between the work and the note of its answer. */
const releaseAll = ({ server }: TestEco) => server.context.db.deleteFrom('idempotency_keys').execute();

test('an admin key of the environment is taken as it is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'eco-admin-'));
  const key = `ecoadmin_${'k'.repeat(40)}`;
  const secrets = openSecrets(join(directory, 'secrets.json'), { ECO_ADMIN_KEY: key });
  const keyring = { find: () => undefined };
  assert.deepEqual(await identify({ keyring, secrets }, `Bearer ${key}`), { type: 'admin' });
  await assert.rejects(identify({ keyring, secrets }, `Bearer ${key}k`), { code: 'invalid_api_key' });
  rmSync(directory, { recursive: true });
});

for (const dialect of DIALECTS) {
  describe(`accounts on ${dialect}`, () => {
    test('a key made a moment ago works, a revoked one stops at once, and only a keyed hash is stored', async () => {
      await using server = await startEco(dialect);
      const { secret, id } = await server.eco.keys.create({ name: 'ci' });
      const ci = new Eco({ apiKey: secret, baseUrl: server.url, maxRetries: 0 });

      assert.equal((await ci.account.whoAmI()).account?.id, server.accountId);
      const stored = await server.server.context.db
        .selectFrom('api_keys')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      assert.ok(
        !JSON.stringify(stored, (_key, value) => (typeof value === 'bigint' ? String(value) : value)).includes(
          secret.slice(4, 30),
        ),
      );

      await server.eco.keys.revoke(id);
      await assert.rejects(ci.account.whoAmI(), { code: 'invalid_api_key', status: 401 });
      const [first] = (await server.eco.keys.list()).data;
      assert.deepEqual([first?.id, typeof first?.revoked_at], [id, 'number']);
    });

    test('a key that was looked up is not kept, so that a revocation made elsewhere holds', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      await using changes = startChanges(db, assert.ifError, 60_000);
      const keyring = await openKeyring({ db, changes, hashKey: (secret) => secret, clock: Date.now });
      const secret = makeKey();
      await insertAccount(db, { id: 'acc_1', name: 'a', is_system: 0, created_at: 1 });
      const unlimited = { scopes: null, allowed_models: null, spend_cap_nanos: null, expires_at: null };
      const key = { id: 'key_1', account_id: 'acc_1', name: 'k', hash: secret, last_four: 'last', created_at: 1 };
      await insertKey(db, { ...key, ...unlimited });

      assert.equal((await keyring.find(secret))?.id, 'key_1');
      await revokeKeyRow(db, 'acc_1', 'key_1', 2);
      assert.equal(await keyring.find(secret), undefined);
    });

    test('a key with scopes cannot make keys', async () => {
      await using server = await startEco(dialect);
      const { secret } = await server.eco.keys.create({ name: 'narrow', scopes: ['inference', 'workloads'] });
      const narrow = new Eco({ apiKey: secret, baseUrl: server.url });
      await assert.rejects(narrow.keys.create({ name: 'wide' }), { code: 'forbidden' });
    });

    test('a key with models, a spend cap or an expiry cannot make one without', async () => {
      await using server = await startEco(dialect);
      for (const limit of [{ allowed_models: ['a'] }, { spend_cap: '1.00' }, { expires_at: Date.now() + 60_000 }]) {
        const { secret } = await server.eco.keys.create({ name: 'limited', ...limit });
        const limited = new Eco({ apiKey: secret, baseUrl: server.url });
        await assert.rejects(limited.keys.create({ name: 'wide' }), { code: 'forbidden' }, Object.keys(limit)[0]);
        assert.equal((await limited.account.whoAmI()).account?.id, server.accountId);
      }
    });

    test('what no database keeps and no field takes is refused by name', async () => {
      await using server = await startEco(dialect);
      const headers = { authorization: `Bearer ${server.apiKey}` };
      const paramOf = async (path: string, body?: string) => {
        const init = body === undefined ? { headers } : { method: 'POST', headers, body };
        const response = await fetch(server.url + path, init);
        return [response.status, ErrorBody.parse(await response.json()).error.param];
      };
      const source = { type: 'huggingface', repo: 'a/b' };
      for (const [path, body, param] of [
        ['/keys', { name: 'a\0b' }, 'name'],
        ['/models', { name: 'm', source: { ...source, revision: 'x\0' } }, 'source.revision'],
        ['/models', { name: 'm', source: { ...source, revison: 'v2' } }, 'source.revison'],
        ['/inference-instances', { model: 'm', gpu: { typ: 'h100' } }, 'gpu.typ'],
        ['/inference-instances', { model: 'm', env: { A: '\0' } }, 'env.A'],
        ['/keys', { name: 'rich', spend_cap: '9999999999' }, 'spend_cap'],
      ] as const)
        assert.deepEqual(await paramOf(path, JSON.stringify(body)), [400, param]);
      assert.deepEqual(await paramOf('/models/%00'), [400, 'model']);
      assert.deepEqual(await paramOf('/keys?after=%00'), [400, 'after']);
    });

    test('a change under way when the server drains is finished and answered, a wait is cut', async () => {
      await using server = await startEco(dialect);
      await server.eco.models.register({ name: 'm', source: { type: 'image' } });
      const { id } = await server.eco.instances.launch({ model: 'm', image: 'ecolink/sim' });
      const authorization = `Bearer ${server.apiKey}`;
      const wait = fetch(`${server.url}/workloads/${id}/wait?revision=1000000&timeout_seconds=60`, {
        headers: { authorization },
      });
      const cut = assert.rejects(wait.then((response) => response.text()));
      const body = JSON.stringify({ name: 'late' });
      const headers = { authorization, 'content-length': body.length, expect: '100-continue' };
      const request = http.request(`${server.url}/keys`, { method: 'POST', headers });
      request.flushHeaders();
      await once(request, 'continue');

      const drained = server.server.drain();
      request.end(body);
      const [response] = await once(request, 'response');
      assert.equal(response.statusCode, 200);
      response.resume();
      await drained;
      await cut;
    });

    test('a body in chunks is refused as soon as it is too large', async () => {
      await using server = await startEco(dialect);
      let sent = 0;
      const body = new ReadableStream({
        pull(controller) {
          sent += 1;
          if (sent <= 200) controller.enqueue(new Uint8Array(1024 * 1024).fill(97));
          else controller.close();
        },
      });
      const headers = { authorization: `Bearer ${server.apiKey}` };
      const answer = await fetch(`${server.url}/keys`, {
        method: 'POST',
        headers,
        body,
        duplex: 'half',
      } as RequestInit);
      assert.equal(answer.status, 413);
      assert.ok(sent < 200, `${sent} MB were taken`);
    });

    test('an expired key is refused', async () => {
      await using server = await startEco(dialect);
      const { secret } = await server.eco.keys.create({ name: 'short', expires_at: Date.now() + 300 });
      const short = new Eco({ apiKey: secret, baseUrl: server.url, maxRetries: 0 });
      await short.account.whoAmI();
      await new Promise((resolve) => setTimeout(resolve, 320)); // the expiry itself is what is tested
      await assert.rejects(short.account.whoAmI(), { code: 'invalid_api_key' });
    });

    test('the same Idempotency-Key runs once and answers the same, under another request it is refused', async () => {
      await using server = await startEco(dialect);
      const { eco } = server;
      const options = { idempotencyKey: 'once-only' };
      const keys = await Promise.all(Array.from({ length: 5 }, () => eco.keys.create({ name: 'same' }, options)));
      assert.equal(new Set(keys.map((key) => key.secret)).size, 1);
      assert.equal((await eco.keys.list()).data.filter((key) => key.name === 'same').length, 1);
      await assert.rejects(eco.keys.create({ name: 'other' }, options), { code: 'idempotency_mismatch', status: 422 });
    });

    test('answers kept for an Idempotency-Key are forgotten after a day', async () => {
      await using database = await openTestDatabase(dialect);
      const { db } = database;
      const now = Date.now();
      const slot = (key: string, ageMs: number) => ({
        account_id: 'acc_1',
        key,
        fingerprint: 'f',
        server_id: 'srv_1',
        status: 200,
        body: '{}',
        created_at: now - ageMs,
      });
      await db
        .insertInto('idempotency_keys')
        .values([slot('young', 3_600_000), slot('old', 25 * 3_600_000)])
        .execute();
      await using _purge = startIdempotencyPurge({ db, clock: () => now, log: openLog('silent') });
      const keys = () => db.selectFrom('idempotency_keys').select('key').execute();
      await until('the old one is gone', async () => (await keys()).length === 1);
      assert.deepEqual(await keys(), [{ key: 'young' }]);
    });

    test('a request that fails is refused as such, however often it came at once under one Idempotency-Key', async () => {
      await using server = await startEco(dialect);
      const impatient = new Eco({ apiKey: server.apiKey, baseUrl: server.url, maxRetries: 0 });
      const fail = () => impatient.keys.create({ name: 'old', expires_at: 1 }, { idempotencyKey: 'failing' });
      const answers = await Promise.allSettled(Array.from({ length: 30 }, fail));
      const statuses = new Set(answers.map((answer) => answer.status === 'rejected' && answer.reason.status));
      assert.deepEqual(
        [...statuses].filter((status) => status !== 400 && status !== 409),
        [],
      );
      assert.ok(statuses.has(400));
    });

    test('a credit whose answer was lost with its server is not given twice', async () => {
      await using server = await startEco(dialect);
      const credit = () =>
        server.admin.admin.credit({ account_id: server.accountId, amount: '5.00' }, { idempotencyKey: 'payment-1' });
      const first = await credit();
      await releaseAll(server);
      assert.deepEqual(await credit(), first);
      assert.equal((await server.eco.billing.balance()).available, '1005.00');
    });

    test('a model is registered once under its name and removed only when nothing runs it', async () => {
      await using server = await startEco(dialect);
      const { eco } = server;
      const llama = {
        name: 'my-llama',
        source: { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct' },
      } as const;
      const model = await eco.models.register({ ...llama, token: 'hf_very_secret' });
      assert.deepEqual([model.category, model.has_token], ['chat', true]);
      assert.ok(!JSON.stringify(model).includes('hf_very_secret'));
      await assert.rejects(eco.models.register(llama), { code: 'conflict', param: 'name' });
      await assert.rejects(eco.models.get('my-lama'), { code: 'not_found', message: /Did you mean "my-llama"/ });

      const workload = await eco.instances.launch({ model: 'my-llama', image: 'ecolink/sim' });
      await assert.rejects(eco.models.remove('my-llama'), { code: 'conflict', hint: `eco terminate ${workload.id}` });
      await eco.workloads.terminate(workload.id);
      await eco.models.remove('my-llama');
      assert.deepEqual((await eco.models.list()).data, []);
      await eco.models.register(llama);
    });

    test('of a launch and a removal of its model at once one is refused', async () => {
      await using server = await startEco(dialect);
      const { eco } = server;
      for (let round = 0; round < 5; round++) {
        await eco.models.register({ name: 'raced', source: { type: 'image' } });
        const launched = eco.instances.launch({ model: 'raced', image: 'ecolink/sim' });
        const removed = eco.models.remove('raced');
        const [launch, removal] = await Promise.allSettled([launched, removed]);
        assert.notEqual(launch.status, removal.status);
        if (launch.status === 'rejected') continue;
        await eco.workloads.terminate(launch.value.id);
        await eco.models.remove('raced');
      }
    });
  });
}
