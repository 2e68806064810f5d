import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createChatCompletion,
  DEFAULT_URL,
  Eco,
  EcoError,
  type Endpoint,
  endpoints,
  getModel,
  launchInstance,
  listCatalog,
  listModels,
  listServedModels,
  pathFields,
  registerModel,
  removeModel,
  whoAmI,
} from '../sdk/index.ts';
import { planRequest } from '../sdk/request.ts';
import { RETRY_AFTER_MAX_SECONDS, retryDelayMs } from '../sdk/retry.ts';
import { type FakeApi, openFakeApi } from './fakes/api.ts';
import * as documents from './fakes/documents.ts';

const client = (api: FakeApi, options = {}) => new Eco({ baseUrl: api.url, apiKey: 'eco_test', ...options });
const hello = { model: 'my-llama:142', messages: [{ role: 'user' as const, content: 'Hello' }] };
const registration = { name: 'my-llama', source: { type: 'image' as const } };
/** The only sleeps in these tests are the client's own back-off. */
const soon = { retryAfter: 0 };

describe('every endpoint of the contract has an SDK method', () => {
  const ref = 'my-llama:142';
  const messages = hello.messages;
  const file = new File(['RIFF'], 'hello.wav');
  /** Endpoint name → the documented methods that reach it. */
  const methods: Record<string, ((eco: Eco) => PromiseLike<unknown> | AsyncIterable<unknown>)[]> = {
    whoAmI: [(eco) => eco.account.whoAmI()],
    createAccount: [(eco) => eco.admin.createAccount({ name: 'Acme' })],
    listAccounts: [(eco) => eco.admin.listAccounts()],
    creditAccount: [(eco) => eco.admin.credit({ account_id: 'acc_1', amount: '5.00' })],
    runAudit: [(eco) => eco.admin.audit()],
    createKey: [(eco) => eco.keys.create({ name: 'ci' })],
    listKeys: [(eco) => eco.keys.list()],
    revokeKey: [(eco) => eco.keys.revoke('key_1')],
    registerModel: [(eco) => eco.models.register(registration)],
    listModels: [(eco) => eco.models.list()],
    getModel: [(eco) => eco.models.get('my-llama')],
    updateModel: [(eco) => eco.models.update('my-llama', { source: { type: 'image' } })],
    setAlias: [(eco) => eco.aliases.set('stable', ref)],
    listAliases: [(eco) => eco.aliases.list()],
    getAlias: [(eco) => eco.aliases.get('stable')],
    removeAlias: [(eco) => eco.aliases.remove('stable')],
    removeModel: [(eco) => eco.models.remove('my-llama')],
    launchInstance: [
      (eco) => eco.instances.launch({ model: 'my-llama' }),
      (eco) => eco.instances.quote({ model: 'my-llama' }),
    ],
    listInstances: [(eco) => eco.instances.list()],
    getInstance: [(eco) => eco.instances.get(ref)],
    listWorkloads: [(eco) => eco.workloads.list()],
    getWorkload: [(eco) => eco.workloads.get(142)],
    listReplicas: [(eco) => eco.workloads.replicas(ref), (eco) => eco.instances.replicas(ref)],
    listEvents: [(eco) => eco.workloads.events(ref), (eco) => eco.instances.events(ref)],
    followEvents: [(eco) => eco.workloads.followEvents(ref), (eco) => eco.instances.followEvents(ref)],
    readLogs: [(eco) => eco.workloads.logs(ref), (eco) => eco.instances.logs(ref)],
    scaleWorkload: [(eco) => eco.workloads.scale(ref, 2), (eco) => eco.instances.scale(ref, 2)],
    extendWorkload: [(eco) => eco.workloads.extend(ref, 2)],
    stopWorkload: [(eco) => eco.workloads.stop(ref), (eco) => eco.instances.stop(ref)],
    resumeWorkload: [(eco) => eco.workloads.resume(ref), (eco) => eco.instances.resume(ref)],
    terminateWorkload: [(eco) => eco.workloads.terminate(ref), (eco) => eco.instances.terminate(ref)],
    waitForWorkload: [(eco) => eco.workloads.wait(ref), (eco) => eco.instances.wait(ref)],
    listCatalog: [(eco) => eco.catalog.list()],
    importModels: [
      (eco) => eco.admin.importModels({ models: [{ id: 'llama', display_name: 'Llama', category: 'chat' }] }),
    ],
    priceModel: [(eco) => eco.admin.priceModel({ model: 'llama', prices: { input_per_1m: '1' } })],
    listAdminModels: [(eco) => eco.admin.listModels()],
    createChatCompletion: [(eco) => eco.chat.create(hello), (eco) => eco.chat.stream({ model: ref, messages })],
    createCompletion: [
      (eco) => eco.completions.create({ model: ref, prompt: 'Once' }),
      (eco) => eco.completions.stream({ model: ref, prompt: 'Once' }),
    ],
    createResponse: [
      (eco) => eco.responses.create({ model: ref, input: 'Hello' }),
      (eco) => eco.responses.stream({ model: ref, input: 'Hello' }),
    ],
    createEmbedding: [(eco) => eco.embeddings.create({ model: ref, input: 'Hello' })],
    rerank: [(eco) => eco.ranking.rerank({ model: ref, query: 'Who?', documents: ['Me.'] })],
    createImage: [(eco) => eco.images.generate({ model: ref, prompt: 'A cat' })],
    editImage: [(eco) => eco.images.edit({ model: ref, prompt: 'A hat', image: file })],
    createSpeech: [(eco) => eco.audio.speak({ model: ref, input: 'Hello' })],
    createTranscription: [(eco) => eco.audio.transcribe({ model: ref, file })],
    createVideo: [(eco) => eco.videos.create({ model: ref, prompt: 'A cat runs' })],
    getVideo: [(eco) => eco.videos.get('vid_1')],
    getVideoContent: [(eco) => eco.videos.content('vid_1')],
    cancelVideo: [(eco) => eco.videos.cancel('vid_1')],
    listServedModels: [(eco) => eco.servedModels.list()],
    getServedModel: [(eco) => eco.servedModels.get('meta/llama')],
    getBalance: [(eco) => eco.billing.balance()],
    listTransactions: [(eco) => eco.billing.transactions()],
    listUsage: [(eco) => eco.billing.usage()],
    listRegions: [(eco) => eco.regions.list()],
  };

  for (const endpoint of endpoints)
    test(`${endpoint.name}: ${endpoint.method} ${endpoint.path}`, async () => {
      const calls = methods[endpoint.name];
      assert.ok(calls, `no SDK method for ${endpoint.name}`);
      for (const call of calls) {
        const seen: Request[] = [];
        const eco = new Eco({ baseUrl: 'http://eco', apiKey: 'eco_test', fetch: spy(seen, 410), maxRetries: 0 });
        await assert.rejects(exhaust(call(eco)), { status: 410 });
        assert.equal(seen.length, 1);
        await assertReaches(endpoint, seen[0]!);
      }
    });

  test('and no method is left out here', () => {
    const eco = new Eco({ baseUrl: 'http://eco', apiKey: 'eco_test' });
    const used = Object.values(methods).flat().map(String).join('\n');
    const missing = Object.entries(eco).flatMap(([noun, resource]) =>
      methodsOf(resource)
        .map((name) => `${noun}.${name}`)
        .filter((name) => !used.includes(`eco.${name}(`)),
    );
    assert.deepEqual(
      missing.filter((name) => !/\.waitUntil(Running|Completed)?$/.test(name)),
      [],
    );
  });
});

/** Method and path are the endpoint's, fields are where the server looks for them, and it would accept them. */
async function assertReaches(endpoint: Endpoint, request: Request) {
  const { pathname, searchParams } = new URL(request.url);
  const pattern = new RegExp(`^${endpoint.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`);
  const found = pattern.exec(pathname);
  assert.equal(request.method, endpoint.method);
  assert.ok(found, `${pathname} is not ${endpoint.path}`);
  const inPath = Object.fromEntries(
    pathFields(endpoint.path).map((name, i) => [name, decodeURIComponent(found[i + 1]!)]),
  );
  const rest: object = hasBody(request) ? await fieldsOf(request, endpoint) : Object.fromEntries(searchParams);
  for (const name of Object.keys(inPath)) assert.ok(!(name in rest), `${name} is also outside the path`);
  endpoint.input.parse({ ...rest, ...inPath });
  assert.equal(request.headers.get('authorization'), 'Bearer eco_test');
  assert.equal(request.headers.has('idempotency-key'), endpoint.method === 'POST');
}

const hasBody = ({ method }: Request) => method === 'POST' || method === 'PUT';

async function fieldsOf(request: Request, { body }: Endpoint): Promise<object> {
  return body === 'multipart' ? Object.fromEntries(await request.formData()) : Object(await request.json());
}

const spy =
  (seen: Request[], status: number): typeof fetch =>
  async (input, init) => {
    seen.push(new Request(input, init));
    return Response.json(
      { error: { message: 'gone', type: 'x', code: 'gone', param: null, request_id: null } },
      { status },
    );
  };

async function exhaust(result: PromiseLike<unknown> | AsyncIterable<unknown>) {
  if (Symbol.asyncIterator in result) for await (const _ of result);
  else await result;
}

function methodsOf(resource: object): string[] {
  const prototype = Object.getPrototypeOf(resource);
  if (prototype === Object.prototype) return [];
  return [...Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor'), ...methodsOf(prototype)];
}

describe('requests', () => {
  test('fields of the path are escaped, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (model) => {
        fc.pre(model !== '.' && model !== '..');
        const { url } = planRequest('http://eco', getModel, { model });
        const { pathname, search, hash } = new URL(url);
        assert.equal(decodeURIComponent(pathname.slice('/models/'.length)), model);
        assert.equal(pathname.split('/').length, 3);
        assert.equal(search + hash, '');
      }),
    );
  });

  for (const model of ['', '.', '..'])
    test(`a path value of ${JSON.stringify(model)} is refused before it can name another endpoint`, async () => {
      await using api = await openFakeApi();
      await assert.rejects(client(api).models.get(model), { code: 'invalid_request', param: 'model' });
      assert.equal(api.calls.length, 0);
    });

  test('without a key nothing is sent, but to public endpoints', async () => {
    await using api = await openFakeApi();
    api.on(listCatalog, () => [documents.platformModel()]);
    const eco = new Eco({ baseUrl: `${api.url}/` });
    assert.equal(process.env.ECO_API_KEY, undefined, 'this test needs an environment without ECO_API_KEY');
    await assert.rejects(eco.account.whoAmI(), { code: 'invalid_api_key', hint: 'eco login' });
    assert.deepEqual(await eco.catalog.list(), [documents.platformModel()]);
    assert.equal(api.calls.length, 1);
    assert.equal(api.calls[0]?.headers.authorization, undefined);
  });
});

describe('retries', () => {
  test('a POST keeps its Idempotency-Key over retries, and another call has another', async () => {
    await using api = await openFakeApi();
    let failures = 2;
    api.on(registerModel, () => {
      if (failures-- > 0) throw new EcoError('unavailable', 'later', soon);
      return documents.model();
    });
    const eco = client(api);

    assert.deepEqual(await eco.models.register(registration), documents.model());
    await eco.models.register(registration);
    await eco.models.register(registration, { idempotencyKey: 'mine' });

    const keys = api.calls.map(({ headers }) => headers['idempotency-key']);
    assert.equal(keys.length, 5);
    assert.equal(new Set(keys.slice(0, 3)).size, 1);
    assert.notEqual(keys[2], keys[3]);
    assert.equal(keys[4], 'mine');
  });

  for (const [code, attempts] of [
    ['request_timeout', 3],
    ['idempotency_in_progress', 3],
    ['rate_limit_exceeded', 3],
    ['internal', 3],
    ['overloaded', 3],
    ['conflict', 1],
    ['idempotency_mismatch', 1],
    ['insufficient_balance', 1],
    ['invalid_request', 1],
    ['not_found', 1],
  ] as const)
    test(`${code}: ${attempts === 1 ? 'none' : 'two, then the error'}`, async () => {
      await using api = await openFakeApi();
      api.on(getModel, () => {
        throw new EcoError(code, 'no', soon);
      });
      await assert.rejects(client(api).models.get('x'), { code, message: 'no', requestId: 'req_fake' });
      assert.equal(api.calls.length, attempts);
    });

  test('retry-after is kept to; beyond our patience there is no retry', () => {
    const error = (retryAfter: number) => new EcoError('overloaded', '', { retryAfter });
    assert.equal(retryDelayMs(error(7), 0), 7_000);
    assert.equal(retryDelayMs(error(RETRY_AFTER_MAX_SECONDS + 1), 0), undefined);
  });

  test('back-off doubles up to a bound, with jitter downwards', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const delay = retryDelayMs(new EcoError('internal', ''), attempt, () => random);
        const full = Math.min(8000, 500 * 2 ** attempt);
        assert.ok(delay !== undefined && delay >= full / 2 && delay <= full);
      }),
    );
  });

  test('a connection that breaks is retried, and the error names the URL and the next step', async () => {
    await using api = await openFakeApi();
    let broken = 1;
    api.raw(whoAmI, (res) => {
      if (broken-- > 0) return void res.destroy();
      res.end(JSON.stringify({ object: 'whoami', admin: true, account: null, key: null }));
    });
    assert.equal((await client(api).account.whoAmI()).admin, true);
    assert.equal(api.calls.length, 2);

    const { url } = api;
    await api[Symbol.asyncDispose]();
    await assert.rejects(client(api, { maxRetries: 0 }).account.whoAmI(), (error: EcoError) => {
      assert.equal(error.code, 'connection_error');
      assert.match(error.message, new RegExp(`${url} .*ECONNREFUSED`));
      assert.match(error.hint!, /eco dev.*ECO_API_URL/);
      return true;
    });
  });

  test('an attempt has a deadline', async () => {
    await using api = await openFakeApi();
    api.raw(whoAmI, () => {});
    const request = client(api).account.whoAmI({ timeoutMs: 50, maxRetries: 1 });
    await assert.rejects(request, { code: 'request_timeout' });
    assert.equal(api.calls.length, 2);
  });

  test('an abort ends the call, the wait between attempts included', async () => {
    await using api = await openFakeApi();
    const controller = new AbortController();
    api.on(getModel, () => {
      queueMicrotask(() => controller.abort());
      throw new EcoError('overloaded', 'later', { retryAfter: 60 });
    });
    await assert.rejects(client(api).models.get('x', { signal: controller.signal }), { code: 'aborted' });
    await assert.rejects(client(api).models.get('x', { signal: AbortSignal.abort() }), { code: 'aborted' });
    assert.equal(api.calls.length, 1);
  });
});

describe('errors', () => {
  const cases: [string, number, string, Partial<EcoError>][] = [
    [
      'the envelope',
      404,
      '{"error":{"message":"No.","type":"not_found_error","code":"not_found","param":"model","request_id":"req_9","hint":"eco models list"}}',
      { code: 'not_found', message: 'No.', param: 'model', requestId: 'req_9', hint: 'eco models list', status: 404 },
    ],
    [
      'a code of a newer server',
      409,
      '{"error":{"message":"No.","type":"conflict_error","code":"brand_new","param":null,"request_id":null}}',
      { code: 'brand_new', status: 409, requestId: 'req_head' },
    ],
    [
      'a model without a price',
      402,
      '{ "error": "model_not_priced: llama is registered but not yet priced — contact admin to set pricing before use" }',
      {
        code: 'model_not_priced',
        status: 402,
        message: 'llama is registered but not yet priced — contact admin to set pricing before use',
      },
    ],
    ['a page of a proxy', 404, '<html>nope</html>', { code: 'not_found', status: 404 }],
    ['an empty body of a status we do not use', 418, '', { code: 'http_418', status: 418 }],
  ];
  for (const [name, status, body, expected] of cases)
    test(name, async () => {
      await using api = await openFakeApi();
      api.raw(whoAmI, (res) => res.writeHead(status, { 'x-request-id': 'req_head' }).end(body));
      await assert.rejects(client(api).account.whoAmI(), (error: EcoError) => {
        assert.ok(error instanceof EcoError);
        for (const [field, value] of Object.entries(expected))
          assert.equal(error[field as keyof EcoError], value, field);
        if (!body.startsWith('{')) assert.match(error.message, /^GET http.*\/whoami answered \d+/);
        return true;
      });
    });

  test('an answer that is no JSON says so', async () => {
    await using api = await openFakeApi();
    api.raw(whoAmI, (res) => res.end('<html>welcome</html>'));
    await assert.rejects(client(api).account.whoAmI(), { code: 'invalid_answer' });
    assert.equal(api.calls.length, 1);
  });
});

describe('lists', () => {
  const rows = Array.from({ length: 5 }, (_, index) => documents.model({ id: `mdl_${index}` }));

  async function openPaged() {
    const api = await openFakeApi();
    api.on(listModels, ({ limit, after = '0' }) => {
      const end = Number(after) + limit;
      return { ...documents.pageOf(...rows.slice(Number(after), end)), next: end < rows.length ? String(end) : null };
    });
    return api;
  }

  test('awaited: one page, and the way to the next', async () => {
    await using api = await openPaged();
    const page = await client(api).models.list({ limit: 3 });
    assert.deepEqual([page.data, page.hasNext, page.next], [rows.slice(0, 3), true, '3']);
    const last = await page.nextPage();
    assert.deepEqual([last.data, last.hasNext], [rows.slice(3), false]);
    assert.throws(() => last.nextPage(), { code: 'not_found' });
  });

  test('iterated: all rows of all pages, a page at a time', async () => {
    await using api = await openPaged();
    const seen = [];
    for await (const { id } of client(api).models.list({ limit: 2 })) {
      seen.push(id);
      if (seen.length === 2) assert.equal(api.calls.length, 1);
    }
    assert.deepEqual(
      seen,
      rows.map(({ id }) => id),
    );
    assert.equal(api.calls.length, 3);
  });

  test('lists without pages work the same', async () => {
    await using api = await openFakeApi();
    const served = { id: 'llama', object: 'model' as const, created: 1, owned_by: 'ecolink' };
    api.on(listServedModels, () => documents.pageOf(served));
    const page = await client(api).servedModels.list();
    assert.deepEqual([page.data, page.hasNext], [[served], false]);
  });
});

test('launch and quote each insist on their own kind of answer', async () => {
  await using api = await openFakeApi();
  api.on(launchInstance, ({ dry_run }) => (dry_run ? documents.quote() : documents.workload()));
  const eco = client(api);
  assert.equal((await eco.instances.quote({ model: 'my-llama' })).hold, '220.80');
  assert.equal((await eco.instances.launch({ model: 'my-llama' })).id, 142);
  api.on(launchInstance, () => documents.quote());
  await assert.rejects(eco.instances.launch({ model: 'my-llama' }), { code: 'invalid_answer' });
});

test('eco.openai() is the real client, pointed here', async () => {
  await using api = await openFakeApi();
  api.raw(createChatCompletion, (res) => {
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices: [] }));
  });
  const openai = await client(api).openai({ maxRetries: 0 });
  const completion = await openai.chat.completions.create(hello);
  assert.equal(completion.id, 'c');
  assert.equal(api.calls[0]?.headers.authorization, 'Bearer eco_test');
});

const sdk = JSON.stringify(new URL('../sdk/index.ts', import.meta.url).href);

/** What a script of plain Node prints, as JSON. */
async function run(script: string, env: Record<string, string> = {}): Promise<unknown> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  assert.deepEqual((await closed)[0], 0);
  return JSON.parse(output);
}

describe('plain Node', () => {
  test('imports the SDK, takes key and URL from the environment, and ends by itself', async () => {
    await using api = await openFakeApi();
    api.on(removeModel, ({ model }) => documents.model({ name: model }));
    const script = `
      import { Eco, EcoError } from ${sdk};
      const eco = new Eco();
      const { name } = await eco.models.remove('my-llama');
      const failure = await eco.models.get('x').catch((error) => error);
      process.stdout.write(JSON.stringify([name, failure instanceof EcoError, failure.status]));`;
    const output = await run(script, { ECO_API_KEY: 'eco_env', ECO_API_URL: api.url });
    assert.deepEqual(output, ['my-llama', true, 418]);
    assert.equal(api.calls[0]?.headers.authorization, 'Bearer eco_env');
  });

  test('without a process, as in a browser, options are enough', async () => {
    await using api = await openFakeApi();
    api.on(removeModel, ({ model }) => documents.model({ name: model }));
    const script = `
      const { stdout } = process;
      delete globalThis.process;
      const { Eco } = await import(${sdk});
      const { name } = await new Eco({ apiKey: 'eco_x', baseUrl: ${JSON.stringify(api.url)} }).models.remove('my-llama');
      stdout.write(JSON.stringify([name, new Eco().baseUrl, typeof process]));`;
    assert.deepEqual(await run(script, { ECO_API_URL: 'http://unseen' }), ['my-llama', DEFAULT_URL, 'undefined']);
  });

  test('without the package openai everything but eco.openai() works, and that says what to install', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) { if (name === 'openai') throw new Error('not here'); return next(name, context); } });
      const { Eco } = await import(${sdk});
      const { code, hint } = await new Eco({ apiKey: 'eco_x' }).openai().catch((error) => error);
      process.stdout.write(JSON.stringify([code, hint]));`;
    assert.deepEqual(await run(script), ['missing_package', 'npm install openai']);
  });
});
