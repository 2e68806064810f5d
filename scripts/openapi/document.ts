import { type Endpoint, ErrorBody, errorCodes, scopes } from '../../sdk/contract/index.ts';
import { type Operation, operationOf, tagOf } from './operation.ts';
import { type JsonSchema, outputSchema } from './schemas.ts';

/** OpenAPI 3.1 of the endpoints, in their order. */
export function openapi(endpoints: readonly Endpoint[], version: string) {
  const operations = endpoints.map((endpoint) => ({ endpoint, ...operationOf(endpoint) }));
  const components = [outputSchema(ErrorBody).components, ...operations.map((o) => o.components)];
  return {
    openapi: '3.1.0',
    info: {
      title: 'EcoLink',
      version,
      description: 'Self-hosted GPU inference platform: OpenAI-compatible inference, and the workloads behind it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8080', description: 'A server on this machine.' }],
    security: [{ key: [] }],
    tags: [...new Set(endpoints.map(tagOf))].map((name) => ({ name })),
    paths: pathsOf(operations),
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: SCOPES } },
      responses: {
        Refused: refusal('The request was refused', 400, 499),
        Failed: refusal('The server failed', 500, 599),
      },
      schemas: sorted(Object.assign({}, ...components)),
    },
  };
}

const SCOPES = `An API key, \`eco_…\`; for scope \`admin\` the admin key. \`x-scope\` of an operation is one of ${scopes.map((scope) => `\`${scope}\``).join(', ')}.`;

function pathsOf(operations: readonly { endpoint: Endpoint; operation: Operation }[]) {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const { endpoint, operation } of operations)
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operation };
  return paths;
}

function refusal(title: string, from: number, to: number) {
  const codes = Object.entries(errorCodes).filter(([, [status]]) => status >= from && status <= to);
  return {
    description: `${title}. Codes: ${codes.map(([code, [status]]) => `\`${code}\` (${status})`).join(', ')}.`,
    headers: {
      'retry-after': { description: 'Seconds after which the same request may succeed.', schema: { type: 'integer' } },
    },
    content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
  };
}

const sorted = (schemas: Record<string, JsonSchema>) =>
  Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => a.localeCompare(b)));
