import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openapi } from '../scripts/openapi/document.ts';
import { endpoints, pathFields } from '../sdk/contract/index.ts';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
}
interface Operation {
  operationId: string;
  'x-scope': string;
  parameters?: Parameter[];
  requestBody?: { content: { 'application/json': { schema: { properties: object; required?: string[] } } } };
  responses: Record<string, { content?: Record<string, unknown> }>;
}

const document = openapi(endpoints, '1.2.3');
const operations = document.paths as unknown as Record<string, Record<string, Operation>>;
const operationOf = (path: string, method: string) => operations[path]![method]!;
const found = (pointer: string) =>
  pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);

describe('openapi', () => {
  for (const endpoint of endpoints)
    test(`${endpoint.name} has its operation, with every field in its place`, () => {
      const operation = operationOf(endpoint.path, endpoint.method.toLowerCase());
      assert.equal(operation.operationId, endpoint.name);
      assert.equal(operation['x-scope'], endpoint.scope);
      const inPath = operation.parameters?.filter((parameter) => parameter.in === 'path') ?? [];
      assert.deepEqual(
        inPath.map(({ name }) => name),
        pathFields(endpoint.path),
      );
      assert.ok(inPath.every(({ required }) => required === true));
      assert.deepEqual(
        Object.keys(operation.responses).filter((status) => /XX$/.test(status)),
        ['4XX', '5XX'],
      );
    });

  test('fields outside the path are the query of a GET and the body of a POST', () => {
    const scale = operationOf('/workloads/{workload}/scale', 'post');
    const { properties, required } = scale.requestBody!.content['application/json'].schema;
    assert.deepEqual(Object.keys(properties), ['replicas']);
    assert.deepEqual(required, ['replicas']);
    const query = operationOf('/billing/usage', 'get').parameters!.filter((parameter) => parameter.in === 'query');
    assert.deepEqual(
      query.map(({ name }) => name),
      ['limit', 'after', 'group_by', 'since', 'until'],
    );
  });

  test('answers are JSON, lines of JSON, or for a chat also events', () => {
    const media = (path: string, method: string) => Object.keys(operationOf(path, method).responses[200]!.content!);
    assert.deepEqual(media('/keys', 'get'), ['application/json']);
    assert.deepEqual(media('/workloads/{workload}/logs', 'get'), ['application/x-ndjson']);
    assert.deepEqual(media('/v1/chat/completions', 'post'), ['application/json', 'text/event-stream']);
  });

  test('every reference leads to a schema, and none to itself', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, pointer]) => pointer!);
    assert.ok(references.length > 50);
    for (const pointer of new Set(references)) {
      assert.ok(found(pointer), `${pointer} leads nowhere`);
      assert.notEqual((found(pointer) as { $ref?: string }).$ref, pointer);
    }
  });
});
