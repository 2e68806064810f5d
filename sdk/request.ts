import { EcoError, type Endpoint, pathFields } from './contract/index.ts';

export interface PlannedRequest {
  method: Endpoint['method'];
  url: string;
  /** Of a POST or PUT: JSON, or form data with files. */
  body: string | FormData | undefined;
}

/** Splits a flat input by the contract: fields of the path there, the rest into the query of a GET or DELETE, else into the body. */
export function planRequest(baseUrl: string, endpoint: Endpoint, input: Record<string, unknown>): PlannedRequest {
  const { method } = endpoint;
  const inPath = new Set(pathFields(endpoint.path));
  const rest = Object.entries(input).filter(([name, value]) => !inPath.has(name) && value !== undefined);
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name) => pathValue(endpoint, name, input[name]));
  const hasBody = method === 'POST' || method === 'PUT';
  const query = hasBody
    ? ''
    : new URLSearchParams(rest.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return {
    method,
    url: `${baseUrl}${path}${query && `?${query}`}`,
    body: hasBody ? bodyOf(endpoint, rest) : undefined,
  };
}

function bodyOf({ body }: Endpoint, fields: [string, unknown][]): string | FormData {
  if (body === 'json') return JSON.stringify(Object.fromEntries(fields));
  const form = new FormData();
  for (const [name, value] of fields) {
    if (value instanceof Blob) form.append(name, value, value instanceof File ? value.name : name);
    else form.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return form;
}

/** Empty values and dots would name another endpoint: URLs are normalised on their way. */
function pathValue({ name: endpoint }: Endpoint, field: string, value: unknown): string {
  const text = value === undefined || value === null ? '' : String(value);
  if (text === '' || text === '.' || text === '..')
    throw new EcoError('invalid_request', `${endpoint} needs a ${field}, not ${JSON.stringify(text)}.`, {
      param: field,
    });
  return encodeURIComponent(text);
}
