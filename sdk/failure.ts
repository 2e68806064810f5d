import { EcoError, errorCodes } from './contract/index.ts';

/** How much of an answer that is not ours goes into a message. */
const QUOTED_CHARS = 200;

/** Reads what an answer other than 2xx says: our envelope, the bare `model_not_priced` body, or whatever a proxy wrote. */
export async function readFailure(response: Response, request: string): Promise<EcoError> {
  const text = await response.text();
  const { status } = response;
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'));
  const told = failureOf(parseJson(text), { requestId, retryAfter, status });
  if (told) return told;
  const quoted = text.trim().slice(0, QUOTED_CHARS);
  return new EcoError(codeOfStatus(status), `${request} answered ${status}${quoted && `: ${quoted}`}`, {
    status,
    requestId,
    retryAfter,
  });
}

interface Known {
  requestId?: string | undefined;
  retryAfter?: number | undefined;
  status?: number | undefined;
}

/** The error in a document, be it a body or an event of a stream; undefined if there is none. */
export function failureOf(document: unknown, known: Known = {}): EcoError | undefined {
  const error = field(document, 'error');
  if (typeof error === 'string') return bareFailure(error, known);
  const message = field(error, 'message');
  if (typeof message !== 'string') return undefined;
  return new EcoError(textOf(error, 'code') ?? textOf(error, 'type') ?? codeOfStatus(known.status), message, {
    ...known,
    param: textOf(error, 'param'),
    hint: textOf(error, 'hint'),
    requestId: textOf(error, 'request_id') ?? known.requestId,
  });
}

/** `{ "error": "model_not_priced: …" }`: code and sentence in one string. */
function bareFailure(error: string, known: Known): EcoError {
  const code = /^([a-z_]+): /.exec(error)?.[1];
  return new EcoError(code ?? codeOfStatus(known.status), code ? error.slice(code.length + 2) : error, known);
}

function codeOfStatus(status = 500): string {
  const entry = Object.entries(errorCodes).find(([, [known]]) => known === status);
  return entry?.[0] ?? `http_${status}`;
}

/** Seconds; `retry-after` may also be a date. */
function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === 'string' ? found : undefined;
}
