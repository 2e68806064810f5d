import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Endpoint, ErrorBody, endpoints, pathFields } from '../sdk/contract/index.ts';
import { startEco, type TestEco } from './harness.ts';

/** Every endpoint of the contract, against a real server. */
describe('contract', () => {
  let server: TestEco;
  before(async () => {
    server = await startEco();
  });
  after(() => server[Symbol.asyncDispose]());

  const ask = async (endpoint: Endpoint, key: string | undefined, values: Record<string, string> = {}) => {
    const path = pathFields(endpoint.path).reduce(
      (path, name) => path.replace(`{${name}}`, values[name] ?? 'none-such'),
      endpoint.path as string,
    );
    const hasBody = endpoint.method === 'POST' || endpoint.method === 'PUT';
    const response = await fetch(server.url + path, {
      method: endpoint.method,
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      ...(hasBody && { body: '{}' }),
      signal: AbortSignal.timeout(5_000),
    });
    const { ok, status, headers } = response;
    if (!ok) return { status, headers, error: ErrorBody.parse(await response.json()).error };
    await response.body?.cancel();
    return { status, headers, error: undefined };
  };
  const keyFor = (endpoint: Endpoint) => (endpoint.scope === 'admin' ? server.adminKey : server.apiKey);

  test('no two endpoints share a name or a method and path', () => {
    const names = endpoints.map((endpoint) => endpoint.name);
    const routes = endpoints.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual([new Set(names).size, new Set(routes).size], [endpoints.length, endpoints.length]);
  });

  for (const endpoint of endpoints) {
    const title = `${endpoint.method} ${endpoint.path}`;

    test(`${title} is bound`, async () => {
      const { error } = await ask(endpoint, keyFor(endpoint));
      assert.doesNotMatch(error?.message ?? '', /No such endpoint/);
    });

    if (endpoint.scope === 'public') continue;

    test(`${title} answers 401 without a key and with a wrong one`, async () => {
      for (const key of [undefined, 'eco_wrong', 'sk-something', `${server.apiKey.slice(0, -1)}!`]) {
        const { status, error, headers } = await ask(endpoint, key);
        assert.deepEqual([status, error?.code, error?.type], [401, 'invalid_api_key', 'authentication_error']);
        assert.equal(error?.request_id, headers.get('x-request-id'));
        assert.equal(headers.get('x-ecolink-request-id'), headers.get('x-request-id'));
      }
    });

    if (endpoint.scope === 'any') continue;

    test(`${title} answers 403 to a key without its scope "${endpoint.scope}"`, async () => {
      const { eco } = server;
      const scopes = (['inference', 'workloads', 'billing:read'] as const)
        .filter((scope) => scope !== endpoint.scope)
        .slice(0, 1);
      const { secret } = await eco.keys.create({ name: 'narrow', scopes });
      const { status, error } = await ask(endpoint, secret);
      assert.deepEqual([status, error?.code], [403, 'forbidden']);
    });
  }

  test('what belongs to another account is refused with 403, by every endpoint that names a workload or a key', async () => {
    const { eco } = server;
    await eco.models.register({ name: 'mine', source: { type: 'image' } });
    const workload = await eco.instances.launch({ model: 'mine', image: 'ecolink/sim' });
    const key = await eco.keys.create({ name: 'mine' });
    const stranger = await server.newAccount();
    const named = endpoints.filter(({ path }) => /\{(workload|key_id)\}/.test(path));
    assert.ok(named.length >= 13);
    for (const endpoint of named) {
      const body =
        endpoint.name === 'scaleWorkload' ? { replicas: 2 } : endpoint.name === 'extendWorkload' ? { hours: 1 } : {};
      const path = endpoint.path.replace('{workload}', String(workload.id)).replace('{key_id}', key.id);
      const response = await fetch(server.url + path, {
        method: endpoint.method,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${stranger.apiKey}` },
        ...(endpoint.method === 'POST' && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(5_000),
      });
      assert.deepEqual(
        [endpoint.name, response.status, ErrorBody.parse(await response.json()).error.code],
        [endpoint.name, 403, 'forbidden'],
      );
    }
    await assert.rejects(stranger.eco.models.get('mine'), { code: 'not_found' });
  });

  test('an unknown field is an error that names it', async () => {
    const response = await fetch(`${server.url}/models`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}` },
      body: JSON.stringify({ name: 'x', source: { type: 'image' }, colour: 'red' }),
    });
    const { error } = ErrorBody.parse(await response.json());
    assert.deepEqual([response.status, error.code, error.param], [400, 'invalid_request', 'colour']);
  });

  test('an unknown path is a 404 in the same envelope', async () => {
    const response = await fetch(`${server.url}/nowhere`);
    assert.deepEqual([response.status, ErrorBody.parse(await response.json()).error.code], [404, 'not_found']);
  });
});
