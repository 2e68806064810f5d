import { z } from 'zod';

/** Every way the API can refuse a request: the HTTP status and OpenAI's `type` that say so. */
export const errorCodes = {
  invalid_request: [400, 'invalid_request_error'],
  wrong_endpoint: [400, 'invalid_request_error'],
  not_supported: [400, 'invalid_request_error'],
  invalid_api_key: [401, 'authentication_error'],
  insufficient_balance: [402, 'billing_error'],
  model_not_priced: [402, 'billing_error'],
  forbidden: [403, 'permission_error'],
  not_found: [404, 'not_found_error'],
  model_not_found: [404, 'not_found_error'],
  method_not_allowed: [405, 'invalid_request_error'],
  request_timeout: [408, 'timeout_error'],
  conflict: [409, 'conflict_error'],
  idempotency_in_progress: [409, 'conflict_error'],
  no_capacity: [409, 'conflict_error'],
  request_too_large: [413, 'invalid_request_error'],
  idempotency_mismatch: [422, 'invalid_request_error'],
  rate_limit_exceeded: [429, 'rate_limit_error'],
  internal: [500, 'server_error'],
  upstream_error: [502, 'upstream_error'],
  model_not_ready: [503, 'overloaded_error'],
  overloaded: [503, 'overloaded_error'],
  unavailable: [503, 'server_error'],
  first_token_timeout: [504, 'timeout_error'],
  idle_timeout: [504, 'timeout_error'],
  total_timeout: [504, 'timeout_error'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof errorCodes;

export const ErrorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    code: z.string().nullable(),
    param: z.string().nullable(),
    request_id: z.string().nullable(),
    hint: z.string().optional(),
  }),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export interface ErrorOptions {
  /** The field that was wrong, as the caller spelled it. */
  param?: string | undefined;
  /** What to do next; a command where there is one. */
  hint?: string | undefined;
  requestId?: string | undefined;
  /** Seconds after which the same request may succeed. */
  retryAfter?: number | undefined;
  /** Status of an answer whose code this version does not know. */
  status?: number | undefined;
  cause?: unknown;
}

/** The one error that crosses a boundary: thrown by the server, carried as JSON, thrown again by the SDK. */
export class EcoError extends Error {
  override name = 'EcoError';
  readonly code: ErrorCode | 'connection_error' | 'aborted' | (string & {});
  readonly status: number;
  readonly type: string;
  readonly param: string | undefined;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    const known: readonly [number, string] | undefined = isErrorCode(code) ? errorCodes[code] : undefined;
    this.code = code;
    this.status = options.status ?? known?.[0] ?? 500;
    this.type = known?.[1] ?? 'server_error';
    this.param = options.param;
    this.hint = options.hint;
    this.requestId = options.requestId;
    this.retryAfter = options.retryAfter;
  }

  /** OpenAI's envelope, so that OpenAI clients read our refusals without change. */
  toBody(requestId: string | null = this.requestId ?? null): ErrorBody {
    const { message, type, code, param, hint } = this;
    return { error: { message, type, code, param: param ?? null, request_id: requestId, ...(hint && { hint }) } };
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
