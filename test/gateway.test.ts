import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIError } from 'openai';
import { makeKey } from '../server/accounts/secret-key.ts';
import { revokeKeyRow } from '../server/accounts/store.ts';
import { nextChange } from '../server/db/changes.ts';
import { DIALECTS } from './databases.ts';
import { answer, hang, startEngine, status, stream } from './fakes/engine.ts';
import { startGateway } from './gateway-rig.ts';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];

for (const dialect of DIALECTS) {
  describe(`the gateway on ${dialect}`, () => {
    test('answers in one piece, and meters and charges it once', async () => {
      await using engine = await startEngine();
      await using eco = await startGateway({}, { dialect });
      const { id, key, secret } = await eco.account();
      await eco.model('org/chat', [engine]);

      const { data, response } = await eco
        .client(secret)
        .chat.completions.create({ model: 'org/chat', messages })
        .withResponse();

      assert.equal(data.choices[0]?.message.content, 'Hello.');
      assert.equal(response.headers.get('x-ecolink-region'), 'r0');
      assert.match(response.headers.get('x-request-id') ?? '', /^req_/);
      assert.equal(response.headers.get('x-request-id'), response.headers.get('x-ecolink-request-id'));
      for (const name of ['server', 'set-cookie']) assert.equal(response.headers.get(name), null);
      assert.equal(engine.requests[0]?.body.model, 'served');
      const [row] = await eco.usage();
      const { account_id, key_id, model, status, input_tokens, output_tokens, cost_nanos, upstream_id, estimated } =
        row!;
      assert.deepEqual(
        { account_id, key_id, model, status, input_tokens, output_tokens, cost_nanos, upstream_id, estimated },
        {
          account_id: id,
          key_id: key.id,
          model: 'org/chat',
          status: 'completed',
          input_tokens: 5,
          output_tokens: 2,
          cost_nanos: 9000n,
          upstream_id: 'same',
          estimated: 0,
        },
      );
      assert.equal(row?.id, response.headers.get('x-request-id'));
      const balance = await eco.db
        .selectFrom('balances')
        .select('amount_nanos')
        .where('ledger_account', '=', `available:${id}`)
        .executeTakeFirstOrThrow();
      assert.equal(balance.amount_nanos, 10_000_000_000n - 9000n);
    });

    test('streams to the openai client', async () => {
      await using engine = await startEngine(stream(['a', 'b', 'c']));
      await using eco = await startGateway({}, { dialect });
      const { secret } = await eco.account();
      await eco.model('chat', [engine]);

      const chunks = await Array.fromAsync(
        await eco.client(secret).chat.completions.create({ model: 'chat', messages, stream: true }),
      );

      assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), 'abc');
      assert.ok(
        chunks.every((chunk) => !('usage' in chunk)),
        'usage that nobody asked for is not seen',
      );
      assert.deepEqual(engine.requests[0]?.body.stream_options, { include_usage: true, continuous_usage_stats: true });
      const [row] = await eco.usage();
      assert.deepEqual([row?.status, row?.input_tokens, row?.output_tokens, row?.streamed], ['completed', 5, 3, 1]);
      assert.ok(row?.first_token_ms !== null);
    });
  });
}

test('the same upstream id a hundred times makes a hundred records', async () => {
  await using engine = await startEngine(answer());
  await using eco = await startGateway();
  const { id, secret } = await eco.account();
  await eco.model('chat', [engine]);
  await Promise.all(
    Array.from({ length: 100 }, async () => (await eco.post(secret, { model: 'chat', messages })).text()),
  );
  assert.equal((await eco.usage(100)).length, 100);
  const spent = await eco.db
    .selectFrom('transfers')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('account_id', '=', id)
    .executeTakeFirstOrThrow();
  assert.ok(spent.count >= 1);
});

test('openai errors have their class', async () => {
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await assert.rejects(
    eco.client(secret).chat.completions.create({ model: 'nope', messages }),
    (error) =>
      error instanceof APIError && error.status === 404 && error.code === 'model_not_found' && error.param === 'model',
  );
});

describe('the gateway refuses', () => {
  type Refusal = { error: { code: string; message: string; param: string | null; request_id: string; type: string } };
  const refusal = async (response: Response) => ({
    status: response.status,
    ...((await response.json()) as Refusal).error,
  });

  test('a wrong, a missing and a revoked key with 401', async () => {
    await using eco = await startGateway();
    const { secret, key } = await eco.account();
    for (const authorization of ['Bearer eco_x', 'Basic x', `Bearer ${makeKey()}`]) {
      const response = await eco.post('', { model: 'a' }, { headers: { authorization } });
      assert.deepEqual([response.status, (await refusal(response.clone() as Response)).code], [401, 'invalid_api_key']);
    }
    const missing = await fetch(`${eco.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
    assert.equal(missing.status, 401);
    await eco.db.transaction().execute((trx) => revokeKeyRow(trx, key.account_id, key.id, Date.now()));
    await eco.changes.nudge('keys');
    assert.equal((await eco.post(secret, { model: 'a' })).status, 401);
  });

  test('a key without the scope, the admin key and a model off the list with 403', async () => {
    await using engine = await startEngine();
    await using eco = await startGateway();
    const narrow = await eco.account(1, { scopes: '["workloads"]' });
    const listed = await eco.account(1, { allowed_models: '["other"]' });
    const allowed = await eco.account(1, { allowed_models: '["chat"]' });
    await eco.model('chat', [engine]);
    for (const secret of [narrow.secret, listed.secret, makeKey('ecoadmin_')])
      assert.equal((await refusal(await eco.post(secret, { model: 'chat', messages }))).status, 403);
    assert.equal((await eco.post(allowed.secret, { model: 'chat', messages })).status, 200);
  });

  test('an unpriced model with exactly the documented body', async () => {
    await using engine = await startEngine();
    await using eco = await startGateway();
    const { secret } = await eco.account();
    await eco.model('org/new', [engine], { prices: null });
    const response = await eco.post(secret, { model: 'org/new', messages });
    assert.equal(response.status, 402);
    assert.deepEqual(await response.json(), {
      error: 'model_not_priced: org/new is registered but not yet priced — contact admin to set pricing before use',
    });
    assert.match(response.headers.get('x-request-id') ?? '', /^req_/);
    assert.equal(engine.requests.length, 0);
  });

  test('an empty balance and a reached spend cap with 402, but never a call to an own instance', async () => {
    await using engine = await startEngine();
    await using eco = await startGateway();
    const poor = await eco.account(0);
    const capped = await eco.account(10, { spend_cap_nanos: 0n });
    await eco.model('chat', [engine]);
    for (const { secret } of [poor, capped]) {
      const { status, code } = await refusal(await eco.post(secret, { model: 'chat', messages }));
      assert.deepEqual([status, code], [402, 'insufficient_balance']);
    }
    const { ref } = await eco.instance(poor.id, [engine]);
    assert.equal((await eco.post(poor.secret, { model: ref, messages })).status, 200);
    const [row] = await eco.usage();
    assert.deepEqual([row?.cost_nanos, row?.input_tokens, row?.model], [0n, 5, ref]);
  });

  test('what is beyond the balance once that is in flight', async () => {
    await using engine = await startEngine(hang);
    await using eco = await startGateway();
    const { secret } = await eco.account(0.001);
    await eco.model('chat', [engine]);
    const leave = new AbortController();
    const first = eco.post(secret, { model: 'chat', messages, max_tokens: 1000 }, { signal: leave.signal });
    await engine.request(0);
    assert.equal((await eco.post(secret, { model: 'chat', messages })).status, 402);
    leave.abort();
    await assert.rejects(first);
    await eco.usage();
    engine.behave = answer();
    assert.equal(
      (await eco.post(secret, { model: 'chat', messages })).status,
      200,
      'the estimate is off the tab again',
    );
  });

  test('unknown models, right ids under wrong names and terminated instances with 404; others’ with 403', async () => {
    await using engine = await startEngine();
    await using eco = await startGateway();
    const mine = await eco.account();
    const other = await eco.account();
    const { ref, id } = await eco.instance(mine.id, [engine], { name: 'a' });
    for (const model of ['none', `b:${id}`, `a:${id}9`, 'a:', `:${id}`, `a:0${id}`]) {
      const { status, code } = await refusal(await eco.post(mine.secret, { model, messages }));
      assert.deepEqual([status, code], [404, 'model_not_found'], model);
    }
    assert.equal((await eco.post(other.secret, { model: ref, messages })).status, 403);
    assert.equal((await eco.post(mine.secret, { model: ref, messages })).status, 200);
    await eco.db.transaction().execute(async (trx) => {
      const changed_seq = await nextChange(trx, 'workloads');
      await trx.updateTable('workloads').set({ state: 'terminated', changed_seq }).where('id', '=', id).execute();
    });
    await eco.changes.nudge('workloads');
    assert.equal((await eco.post(mine.secret, { model: ref, messages })).status, 404);
  });

  test('what is still loading with its state, and says when to come back', async () => {
    await using eco = await startGateway();
    const { id, secret } = await eco.account();
    const { ref } = await eco.instance(id, [], { state: 'loading', message: 'Replica r0 loads the model.' });
    const response = await eco.post(secret, { model: ref, messages });
    assert.ok(Number(response.headers.get('retry-after')) >= 1);
    const { status, code, message } = await refusal(response);
    assert.deepEqual(
      [status, code, message],
      [503, 'model_not_ready', `"${ref}" is loading: Replica r0 loads the model.`],
    );
  });

  test('the wrong endpoint by naming the right one', async () => {
    await using engine = await startEngine();
    await using eco = await startGateway();
    const { id, secret } = await eco.account();
    await eco.model('embed', [engine], { category: 'embedding', prices: { input_per_1m: '1.00' } });
    const custom = await eco.instance(id, [engine], { customApiPath: '/api' });
    const embedding = await refusal(await eco.post(secret, { model: 'embed', messages }));
    assert.deepEqual([embedding.status, embedding.code], [400, 'wrong_endpoint']);
    assert.match(embedding.message, /POST \/v1\/embeddings/);
    const proxied = await refusal(await eco.post(secret, { model: custom.ref, messages }));
    assert.match(proxied.message, new RegExp(`/inference-instances/${custom.id}/proxy/api`));
  });

  test('broken bodies with 400, larger ones than allowed with 413, and more than it can hold with 503', async () => {
    await using engine = await startEngine();
    await using eco = await startGateway({ body_max_bytes: 10_000, body_budget_bytes: 15_000 });
    const { secret } = await eco.account();
    await eco.model('chat', [engine]);
    const broken = await refusal(await eco.post(secret, '{"model":'));
    assert.deepEqual([broken.status, broken.type], [400, 'invalid_request_error']);
    assert.equal((await refusal(await eco.post(secret, 'x'.repeat(10_001)))).code, 'request_too_large');
    engine.behave = hang;
    const leave = new AbortController();
    const big = { model: 'chat', messages, x: 'x'.repeat(8000) };
    const held = eco.post(secret, big, { signal: leave.signal }).catch(() => {});
    await engine.request(0);
    const full = await eco.post(secret, big);
    assert.deepEqual([full.status, full.headers.get('retry-after')], [503, '1']);
    leave.abort();
    await held;
    await eco.usage();
    engine.behave = answer();
    assert.equal((await eco.post(secret, big)).status, 200, 'the bytes were given back');
  });
});

test('models are found by alias and in any letter case; instances by their bare name at the engine', async () => {
  await using engine = await startEngine();
  await using eco = await startGateway();
  const { id, secret } = await eco.account();
  await eco.model('Org/Chat-7B', [engine], { aliases: ['small'] });
  const { ref } = await eco.instance(id, [engine]);
  for (const model of ['small', 'org/chat-7b', ref])
    assert.equal((await eco.post(secret, { model, messages })).status, 200);
  assert.deepEqual(
    engine.requests.map(({ body }) => body.model),
    ['served', 'served', 'mine'],
  );
  const rows = await eco.usage(3);
  assert.deepEqual(
    rows.map(({ model }) => model),
    ['Org/Chat-7B', 'Org/Chat-7B', ref],
  );
});

test('an engine sees the allowed headers and every byte of the body but the model', async () => {
  await using engine = await startEngine();
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.model('chat', [engine]);
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const text = '{ "model" :"chat","x":1.00,\n"messages":[ ] ,"\\u0061":null}';
  const response = await eco.post(secret, text, {
    headers: { cookie: 'a=b', 'x-forwarded-for': '1.2.3.4', 'x-api-key': 'k', traceparent, 'x-request-id': 'mine-1' },
  });
  await response.text();
  const [request] = engine.requests;
  assert.equal(request?.text, text.replace('"chat"', '"served"'));
  const seen = Object.keys(request?.headers ?? {}).toSorted();
  assert.deepEqual(seen, [
    'accept',
    'accept-encoding',
    'connection',
    'content-length',
    'content-type',
    'host',
    'traceparent',
    'user-agent',
    'x-request-id',
  ]);
  assert.equal(request?.headers['x-request-id'], 'mine-1');
  assert.equal(request?.headers['accept-encoding'], 'identity');
  assert.notEqual(response.headers.get('x-request-id'), 'mine-1');
  assert.ok(!JSON.stringify(request?.headers).includes(secret));
});

test('refusals of the engine pass in the envelope, and cost nothing', async () => {
  await using engine = await startEngine(
    status(400, { error: { message: 'too long', type: 'invalid', code: 'ctx', param: null } }),
  );
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.model('chat', [engine]);
  const ask = () => eco.client(secret).chat.completions.create({ model: 'chat', messages });
  await assert.rejects(ask(), { status: 400, code: 'ctx' });
  engine.behave = status(422, '<html>secret path /opt</html>');
  await assert.rejects(
    ask(),
    (error) =>
      error instanceof APIError &&
      error.status === 422 &&
      error.type === 'upstream_error' &&
      !error.message.includes('secret'),
  );
  engine.behave = status(400, { object: 'error', message: 'max length is 8', code: 400 });
  await assert.rejects(ask(), /max length is 8/);
  engine.behave = status(401, { error: { message: 'bad key' } });
  await assert.rejects(ask(), { status: 502, code: 'upstream_error' });
  const rows = await eco.usage(4);
  assert.ok(rows.every((row) => row.status === 'failed' && row.cost_nanos === 0n && row.attempts === 1));
});

test('only POST on the hot path is the gateway’s', async () => {
  await using eco = await startGateway();
  for (const [method, url, expected] of [
    ['POST', '/v1/chat/completions', true],
    ['POST', '/v1/chat/completions?x=1', true],
    ['GET', '/v1/chat/completions', false],
    ['POST', '/v1/chat/completions/x', false],
    ['POST', '/v1/chat/completionsx', false],
    ['GET', '/v1/models', false],
    ['POST', '/v1/audio/transcriptions', true],
    ['POST', '/v1/images/generations?n=1', true],
    ['GET', '/v1/audio/speech', false],
    ['POST', '/v1/completionsx', false],
    ['POST', '/v1/video/generations', false],
  ] as const)
    assert.equal(eco.gateway.handles(method, url), expected, `${method} ${url}`);
});

test('an answer of a megabyte in many chunks passes whole, its usage is found at its end', async () => {
  const content = 'x'.repeat(1024 * 1024);
  await using engine = await startEngine(answer({ content }));
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.model('chat', [engine]);
  const { choices } = await eco.client(secret).chat.completions.create({ model: 'chat', messages });
  assert.equal(choices[0]?.message.content, content);
  const [row] = await eco.usage();
  assert.deepEqual([row?.output_tokens, row?.estimated], [2, 0]);
});

test('usage that cannot be believed is estimated instead', async () => {
  await using engine = await startEngine(answer({ usage: { prompt_tokens: -5, completion_tokens: 1e300 } }));
  await using eco = await startGateway();
  const { secret } = await eco.account();
  await eco.model('chat', [engine]);
  await eco.client(secret).chat.completions.create({ model: 'chat', messages });
  const [row] = await eco.usage();
  assert.equal(row?.estimated, 1);
  assert.ok(row && row.input_tokens > 0 && row.output_tokens > 0);
});
