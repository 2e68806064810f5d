import { EcoError, type Endpoint, pathFields } from './contract/index.ts';

export interface PlannedRequest {
  method: Endpoint['method'];
  url: string;
  /** JSON, of a POST or PUT. */
  body: string | undefined;
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
    body: hasBody ? JSON.stringify(Object.fromEntries(rest)) : undefined,
  };
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
