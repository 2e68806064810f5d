import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Eco } from '../sdk/index.ts';
import { isWellFormedKey, makeKey } from '../server/accounts/secret-key.ts';
import { DIALECTS } from './databases.ts';
import { startEco } from './harness.ts';

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

    test('a key with scopes cannot make keys', async () => {
      await using server = await startEco(dialect);
      const { secret } = await server.eco.keys.create({ name: 'narrow', scopes: ['inference', 'workloads'] });
      const narrow = new Eco({ apiKey: secret, baseUrl: server.url });
      await assert.rejects(narrow.keys.create({ name: 'wide' }), { code: 'forbidden' });
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
  });
}
