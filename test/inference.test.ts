import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI, { APIError } from 'openai';
import type { UsageRow, Workload } from '../sdk/index.ts';
import { Eco } from '../sdk/index.ts';
import { SYSTEM } from '../server/accounts/audit-log.ts';
import { openAccount } from '../server/accounts/open-account.ts';
import { startEco, type TestEco } from './harness.ts';
import { until } from './until.ts';

const QUESTION = [{ role: 'user' as const, content: 'The quick brown fox jumps over the lazy dog.' }];
const ECHO = 'The quick brown fox jumps over the lazy dog.';

/** Own instances and platform models on two local regions, asked with the `openai` package. */
describe('inference', () => {
  let server: TestEco;
  let openai: OpenAI;
  let instance: Workload;

  before(async () => {
    server = await startEco();
    openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.apiKey, maxRetries: 0 });
    await server.eco.models.register({
      name: 'my-llama',
      source: { type: 'huggingface', repo: 'meta-llama/Llama-3.1-8B-Instruct' },
    });
    const { id } = await server.eco.instances.launch({
      model: 'my-llama',
      image: 'ecolink/sim',
      gpu: { type: 'l4' },
      args: ['--ttft', '10ms', '--itl', '10ms'],
    });
    instance = await server.eco.instances.waitUntilRunning(id, { timeoutMs: 30_000 });
    await servePlatform(server, instance);
  });
  after(() => server[Symbol.asyncDispose]());

  const usageOf = async (requestId: string | null | undefined) => {
    const rows: UsageRow[] = (await server.eco.billing.usage({ group_by: 'request', limit: 500 })).data;
    return rows.find((row) => row.group === requestId);
  };

  test('an instance answers under name:id in either region and sees its bare name', async () => {
    const regions = new Set<string | null>();
    for (let i = 0; i < 6; i++) {
      const { data, response } = await openai.chat.completions
        .create({ model: instance.ref, messages: QUESTION })
        .withResponse();
      assert.equal(data.choices[0]?.message.content?.trim(), ECHO);
      assert.equal(data.model, 'my-llama');
      assert.equal(response.headers.get('x-request-id'), response.headers.get('x-ecolink-request-id'));
      regions.add(response.headers.get('x-ecolink-region'));
    }
    assert.deepEqual([...regions].toSorted(), ['local-a', 'local-b']);
  });

  test('a stream gives the same answer token by token, ends with [DONE], and shows no usage unless asked', async () => {
    const stream = await openai.chat.completions.create({ model: instance.ref, stream: true, messages: QUESTION });
    const chunks = await Array.fromAsync(stream);
    assert.equal(
      chunks
        .map((chunk) => chunk.choices[0]?.delta.content ?? '')
        .join('')
        .trim(),
      ECHO,
    );
    assert.ok(chunks.filter((chunk) => chunk.choices[0]?.delta.content).length > 5);
    assert.ok(chunks.every((chunk) => !('usage' in chunk) && chunk.choices.length > 0));

    const asked = await openai.chat.completions.create({
      model: instance.ref,
      stream: true,
      stream_options: { include_usage: true },
      messages: QUESTION,
    });
    const usages = (await Array.fromAsync(asked)).filter((chunk) => chunk.usage);
    assert.equal(usages.length, 1);
    assert.equal(usages[0]?.choices.length, 0);
  });

  test('what is answered is metered: own instances at no cost, platform models at their price', async () => {
    const own = await openai.chat.completions.create({ model: instance.ref, messages: QUESTION }).withResponse();
    const platform = await openai.chat.completions.create({ model: 'Echo-Model', messages: QUESTION }).withResponse();
    const [first, second] = await Promise.all(
      [own, platform].map(({ response }) =>
        until('the usage record', () => usageOf(response.headers.get('x-request-id'))),
      ),
    );

    const { prompt_tokens, completion_tokens } = platform.data.usage!;
    assert.deepEqual(
      [first?.cost, first?.workload_id, first?.output_tokens],
      ['0.00', instance.id, own.data.usage?.completion_tokens],
    );
    const nanos = BigInt(prompt_tokens) * 1_000_000n + BigInt(completion_tokens) * 2_000_000n;
    assert.deepEqual([second?.input_tokens, second?.output_tokens], [prompt_tokens, completion_tokens]);
    assert.equal(Number(second?.cost), Number(nanos) / 1e9);
    assert.equal(platform.data.model, 'echo-served');
  });

  test('a client that leaves pays for what it got, and the record says so', async () => {
    const controller = new AbortController();
    const { data, response } = await openai.chat.completions
      .create(
        { model: 'echo-model', stream: true, max_tokens: 400, messages: [{ role: 'user', content: 'x '.repeat(200) }] },
        { signal: controller.signal },
      )
      .withResponse();
    let seen = 0;
    for await (const chunk of data) if (chunk.choices[0]?.delta.content && ++seen === 5) controller.abort();
    const row = await until('the usage record', () => usageOf(response.headers.get('x-request-id')));
    assert.equal(row.status, 'client_closed');
    assert.ok(row.output_tokens >= 5 && row.output_tokens < 60, `${row.output_tokens} tokens`);
  });

  test('models are listed and found: the catalogue and own running instances', async () => {
    const ids = (await Array.fromAsync(openai.models.list())).map((model) => model.id);
    assert.ok(ids.includes('vendor/echo') && ids.includes('vendor/unpriced') && ids.includes(instance.ref));
    assert.equal((await openai.models.retrieve('vendor/echo')).owned_by, 'ecolink');
    assert.equal(
      (await fetch(`${server.url}/v1/models/vendor/echo`, { headers: { authorization: `Bearer ${server.apiKey}` } }))
        .status,
      200,
    );
    const catalog = await (await fetch(`${server.url}/platform/models`)).json();
    assert.ok(Array.isArray(catalog));
    assert.deepEqual(catalog.find((model: { id: string }) => model.id === 'vendor/echo').regions, [
      'local-a',
      'local-b',
    ]);
  });

  const refusal = async (model: string, client = openai) => {
    try {
      await client.chat.completions.create({ model, messages: QUESTION });
    } catch (error) {
      assert.ok(error instanceof APIError);
      return error;
    }
    throw new Error(`${model} was answered`);
  };

  test('a platform model without a price answers 402 with exactly the documented body', async () => {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}` },
      body: JSON.stringify({ model: 'vendor/unpriced', messages: QUESTION }),
    });
    assert.equal(response.status, 402);
    assert.deepEqual(await response.json(), {
      error:
        'model_not_priced: vendor/unpriced is registered but not yet priced — contact admin to set pricing before use',
    });
  });

  test('without balance a platform model answers 402, an own instance still answers', async () => {
    const { secret } = await server.admin.admin.createAccount({ name: 'poor' });
    const poor = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: secret, maxRetries: 0 });
    const error = await refusal('vendor/echo', poor);
    assert.deepEqual([error.status, error.code], [402, 'insufficient_balance']);
  });

  for (const [title, model, status, code] of [
    ['an unknown model', 'no-such-model', 404, 'model_not_found'],
    ['an unknown instance', 'my-llama:999999', 404, 'model_not_found'],
    ['an instance under a wrong name', 'your-llama:ID', 404, 'model_not_found'],
    ['an instance without its id', 'my-llama', 404, 'model_not_found'],
  ] as const) {
    test(`${title} is ${status} ${code}`, async () => {
      const error = await refusal(model.replace('ID', String(instance.id)));
      assert.deepEqual([error.status, error.code, error.param], [status, code, 'model']);
    });
  }

  test('an instance of another account is 403', async () => {
    const { apiKey } = await server.newAccount();
    const error = await refusal(instance.ref, new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 }));
    assert.deepEqual([error.status, error.code], [403, 'forbidden']);
  });

  test('a wrong key is 401, a key without the scope 403, a key for other models 403', async () => {
    const client = async (apiKey: string) =>
      refusal(instance.ref, new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 }));
    const narrow = await server.eco.keys.create({ name: 'narrow', scopes: ['workloads'] });
    const other = await server.eco.keys.create({ name: 'other', allowed_models: ['vendor/echo'] });
    assert.deepEqual(
      [
        (await client('eco_nonsense')).status,
        (await client(narrow.secret)).status,
        (await client(other.secret)).status,
      ],
      [401, 403, 403],
    );
  });

  test('an instance that loads is 503 with its state and when to come back; a terminated one is 404', async () => {
    const { eco } = server;
    const slow = await eco.instances.launch({
      model: 'my-llama',
      image: 'ecolink/sim',
      gpu: { type: 'l4' },
      args: ['--load', '60s'],
    });
    const error = await refusal(slow.ref);
    assert.deepEqual([error.status, error.code], [503, 'model_not_ready']);
    assert.match(error.message, /pending|pulling|loading/);
    assert.ok(Number(error.headers?.get('retry-after')) >= 1);

    await eco.workloads.terminate(slow.id);
    await eco.workloads.waitUntil(slow.id, ['terminated'], { timeoutMs: 30_000 });
    assert.equal((await refusal(slow.ref)).status, 404);
  });

  test('broken JSON, a missing model and an oversized body are told by name', async () => {
    const ask = async (body: string) => {
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.apiKey}` },
        body,
      });
      const { error } = (await response.json()) as { error: { code: string; param: string | null } };
      return [response.status, error.code, error.param];
    };
    assert.deepEqual((await ask('{"model": ')).slice(0, 2), [400, 'invalid_request']);
    assert.deepEqual(await ask('{"messages": []}'), [400, 'invalid_request', 'model']);
    assert.deepEqual((await ask(`{"model":"vendor/echo","pad":"${'x'.repeat(26 * 1024 * 1024)}"}`)).slice(0, 2), [
      413,
      'request_too_large',
    ]);
  });

  test('afterwards the books are clean', async () => {
    const audit = await until('no open request', async () => {
      const audit = await server.admin.admin.audit();
      return audit.clean && audit;
    });
    assert.deepEqual(audit.findings, []);
  });
});

/** A priced and an unpriced platform model, served by an instance of the system account. */
async function servePlatform(server: TestEco, { regions }: Workload): Promise<void> {
  const { secret } = await openAccount(server.server.context, { name: 'platform', actor: SYSTEM, isSystem: true });
  const platform = new Eco({ apiKey: secret, baseUrl: server.url });
  await platform.models.register({ name: 'platform', source: { type: 'image' } });
  const { id } = await platform.instances.launch({
    model: 'platform',
    image: 'ecolink/sim',
    regions: regions.map(({ region }) => region),
    gpu: { type: 'l4' },
    args: ['--itl', '10ms'],
  });
  await platform.instances.waitUntilRunning(id, { timeoutMs: 30_000 });
  const backends = [{ type: 'workload' as const, workload_id: id, served_name: 'echo-served' }];
  await server.admin.admin.importModels({
    models: [
      {
        id: 'vendor/echo',
        aliases: ['echo-model'],
        display_name: 'Echo',
        category: 'chat',
        backends,
        prices: { input_per_1m: '1000', output_per_1m: '2000' },
      },
      { id: 'vendor/unpriced', display_name: 'Unpriced', category: 'chat', backends },
    ],
  });
}
