import type { ClientRequest } from './reply.ts';
import type { Replica } from './tables.ts';
import type { AnswerHeaders } from './upstream.ts';

const USER_AGENT = 'ecolink-gateway';
const CLIENT_REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** All that a container ever sees of a caller: an allow-list, without key, cookies or addresses. */
export function headersToReplica(request: ClientRequest, { authorization }: Replica, requestId: string): string[] {
  const headers = ['content-type', request.contentType ?? 'application/json', 'accept', request.accept ?? '*/*'];
  headers.push('accept-encoding', 'identity', 'user-agent', USER_AGENT);
  headers.push('x-request-id', passedId(request) ?? requestId);
  if (request.traceparent !== undefined) headers.push('traceparent', request.traceparent);
  if (request.tracestate !== undefined) headers.push('tracestate', request.tracestate);
  if (authorization !== undefined) headers.push('authorization', authorization);
  return headers;
}

const passedId = ({ clientRequestId }: ClientRequest) =>
  clientRequestId !== undefined && CLIENT_REQUEST_ID.test(clientRequestId) ? clientRequestId : undefined;

const NOT_PASSED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'set-cookie',
  'server',
  'date',
  'content-length', // the listener frames anew, and events may shrink
  'x-request-id',
]);
/** Ours to say, or a browser's licence that is not the engine's to give. */
const NOT_PASSED_PREFIX = /^(x-ecolink-|x-ratelimit-|access-control-)/;

export function headersToClient(headers: AnswerHeaders): string[] {
  const named =
    headers.connection === undefined
      ? undefined
      : new Set(
          String(headers.connection)
            .toLowerCase()
            .split(/[\s,]+/),
        );
  const passed: string[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || NOT_PASSED.has(name) || NOT_PASSED_PREFIX.test(name) || named?.has(name)) continue;
    if (typeof value === 'string') passed.push(name, value);
    else for (const each of value) passed.push(name, each);
  }
  return passed;
}

export const requestIdHeaders = (requestId: string): string[] => [
  'x-request-id',
  requestId,
  'x-ecolink-request-id',
  requestId,
];

/** Of a stream; without a region when the head has to leave before one is known. */
export const streamHeaders = (requestId: string, region: string | undefined): string[] => [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-cache, no-transform',
  'x-accel-buffering',
  'no',
  ...requestIdHeaders(requestId),
  ...(region === undefined ? [] : ['x-ecolink-region', region]),
];

export const isEventStream = ({ 'content-type': type }: AnswerHeaders): boolean =>
  typeof type === 'string' && type.toLowerCase().startsWith('text/event-stream');

const JSON_TYPE = /^\s*application\/([\w.-]+\+)?json\b/i;
/** Whether an answer is JSON by its own word. */
export const isJson = ({ 'content-type': type }: AnswerHeaders): boolean =>
  typeof type === 'string' && JSON_TYPE.test(type);

const PAGE = /^\s*text\/html\b/i;
/** Whether it is a page for people, as proxies make them: no engine answers so. */
export const isPage = ({ 'content-type': type }: AnswerHeaders): boolean => typeof type === 'string' && PAGE.test(type);

/** Whether an engine compressed although it was asked not to: such events cannot be read. */
export const isEncoded = ({ 'content-encoding': encoding }: AnswerHeaders): boolean =>
  encoding !== undefined && encoding !== 'identity';
