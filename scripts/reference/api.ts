import { type Endpoint, errorCodes, pathFields } from '../../sdk/contract/index.ts';
import { tagOf } from '../openapi/operation.ts';
import { inputSchema, type JsonSchema } from '../openapi/schemas.ts';
import { descriptionOf, typeOf } from './fields.ts';
import { GENERATED, page, table } from './markdown.ts';

/** Every endpoint with its fields, by noun. */
export function apiPage(endpoints: readonly Endpoint[]): string {
  const nouns = Map.groupBy(endpoints, tagOf);
  return page(
    GENERATED,
    '# API',
    'What each endpoint takes. Answers are described in [openapi.json](openapi.json), which tools can read. Every request carries `Authorization: Bearer eco_…`, except where the scope is `public`.',
    [...nouns.keys()].map((noun) => `[${noun}](#${noun})`).join(' · '),
    ...[...nouns].flatMap(([noun, group]) => [`## ${noun}`, ...group.flatMap(section)]),
    '## Errors',
    'One envelope: `{"error": {"message", "type", "code", "param", "request_id", "hint"?}}`.',
    table(
      ['code', 'status', 'type'],
      Object.entries(errorCodes).map(([code, [status, type]]) => [`\`${code}\``, String(status), `\`${type}\``]),
    ),
  );
}

const WHERE: Record<Endpoint['method'], string> = { GET: 'query', DELETE: 'query', POST: 'body', PUT: 'body' };

function section(endpoint: Endpoint): string[] {
  const { method, path, summary, scope } = endpoint;
  const inPath = pathFields(path);
  const { properties = {}, required = [] } = inputSchema(endpoint.input) as Fields;
  const rows = Object.entries(properties).map(([name, field]) => [
    `\`${name}\`${required.includes(name) ? '' : '?'}`,
    inPath.includes(name) ? 'path' : WHERE[method],
    typeOf(field),
    descriptionOf(field),
  ]);
  return [
    `### \`${method} ${path}\``,
    `${summary}. Scope \`${scope}\`${mediaOf(endpoint)}.`,
    rows.length > 0 ? table(['field', 'in', 'type', ''], rows) : '',
  ];
}

interface Fields {
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

function mediaOf({ body, media, answer }: Endpoint): string {
  const takes = body === 'multipart' ? ', takes form data' : '';
  if (answer === 'lines') return `${takes}, answers one JSON document a line`;
  return media === 'application/json' ? takes : `${takes}, answers \`${media}\``;
}
