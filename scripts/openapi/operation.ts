import { ChatChunk, createChatCompletion, type Endpoint, pathFields } from '../../sdk/contract/index.ts';
import { inputSchema, type JsonSchema, outputSchema } from './schemas.ts';

export type Operation = Record<string, unknown>;

type Components = Record<string, JsonSchema>;

/** One endpoint as OpenAPI has it, and the named schemas it refers to. */
export function operationOf(endpoint: Endpoint): { operation: Operation; components: Components } {
  const { parameters, body } = requestOf(endpoint);
  const { content, components } = answerOf(endpoint);
  const operation = {
    operationId: endpoint.name,
    tags: [tagOf(endpoint)],
    summary: endpoint.summary,
    'x-scope': endpoint.scope,
    ...(endpoint.scope === 'public' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: {
      200: { description: DESCRIPTIONS[endpoint.answer], headers: REQUEST_ID, content },
      ...(endpoint.answer === 'gateway' && endpoint.method === 'POST' && { 402: UNPRICED }),
      '4XX': { $ref: '#/components/responses/Refused' },
      '5XX': { $ref: '#/components/responses/Failed' },
    },
  };
  return { operation, components };
}

/** `/v1/…` is the inference API; elsewhere the first word of the path says what it is about. */
export const tagOf = ({ path }: Endpoint) => (path.startsWith('/v1/') ? 'inference' : (path.split('/')[1] ?? ''));

const DESCRIPTIONS: Record<Endpoint['answer'], string> = {
  json: 'The answer.',
  lines: 'One JSON document a line, for as long as the client listens.',
  gateway: "The engine's answer as it came; with `stream: true` server-sent events.",
};

const REQUEST_ID = {
  'x-request-id': { description: 'Name it when you report a problem.', schema: { type: 'string' } },
};

const UNPRICED = {
  description: 'Too little balance, or a platform model that has no price yet.',
  content: {
    'application/json': {
      schema: {
        oneOf: [
          { $ref: '#/components/schemas/ErrorBody' },
          {
            type: 'object',
            properties: { error: { type: 'string', pattern: '^model_not_priced: ' } },
            required: ['error'],
          },
        ],
      },
    },
  },
};

/** Fields named in the path go there, the rest into the query of a GET or DELETE and into the body of a POST or PUT. */
function requestOf(endpoint: Endpoint) {
  const { properties = {}, required = [], ...rest } = inputSchema(endpoint.input) as ObjectSchema;
  const inPath = pathFields(endpoint.path);
  const others = Object.keys(properties).filter((name) => !inPath.includes(name));
  const hasBody = endpoint.method === 'POST' || endpoint.method === 'PUT';
  const parameters = [
    ...inPath.map((name) => parameter('path', name, properties[name], true)),
    ...(hasBody ? [] : others.map((name) => parameter('query', name, properties[name], required.includes(name)))),
    ...(endpoint.method === 'POST' ? [IDEMPOTENCY_KEY] : []),
  ];
  if (!hasBody || others.length === 0) return { parameters, body: undefined };
  const needed = required.filter((name) => others.includes(name));
  const schema = {
    ...rest,
    properties: Object.fromEntries(others.map((name) => [name, properties[name]])),
    ...(needed.length > 0 && { required: needed }),
    ...(endpoint.answer !== 'gateway' && { additionalProperties: false }),
  };
  const media = endpoint.body === 'multipart' ? 'multipart/form-data' : 'application/json';
  return { parameters, body: { required: needed.length > 0, content: { [media]: { schema } } } };
}

interface ObjectSchema extends JsonSchema {
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'Same key and body: executed once, answered as the first time.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

function parameter(where: 'path' | 'query', name: string, field: JsonSchema = {}, required = false) {
  const { description, ...schema } = field;
  return { name, in: where, ...(required && { required }), ...(description !== undefined && { description }), schema };
}

function answerOf(endpoint: Endpoint): { content: Record<string, { schema: JsonSchema }>; components: Components } {
  const { schema, components } = outputSchema(endpoint.output);
  const content = { [endpoint.answer === 'lines' ? 'application/x-ndjson' : endpoint.media]: { schema } };
  if (endpoint !== createChatCompletion) return { content, components };
  return {
    content: { ...content, 'text/event-stream': { schema: EVENTS } },
    components: { ...components, ...outputSchema(ChatChunk).components },
  };
}

const EVENTS = {
  type: 'string',
  description:
    'Events `data: <ChatChunk>`, at the end `data: [DONE]`. A stream that is cut ends with `data: <ErrorBody>` and no `[DONE]`.',
  contentMediaType: 'text/event-stream',
  'x-event': { $ref: '#/components/schemas/ChatChunk' },
};
