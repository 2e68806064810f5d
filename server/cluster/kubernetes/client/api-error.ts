/** What an API server refused, with Kubernetes' own reason. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  /** Like `NotFound`, `Conflict`, `Expired`. */
  readonly reason: string;
  /** Seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    { reason, message, retryAfter }: { reason: string; message: string; retryAfter?: number | undefined },
  ) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** From the `Status` object that API servers answer with, or from whatever a proxy in front of them said. */
export function toApiError(status: number, body: string, retryAfter: string | string[] | undefined): ApiError {
  const said = parse(body);
  return new ApiError(status, {
    reason: typeof said?.reason === 'string' ? said.reason : '',
    message:
      typeof said?.message === 'string' ? said.message : `the API server answered ${status}: ${body.slice(0, 200)}`,
    retryAfter: Number(retryAfter) || undefined,
  });
}

/** History that the server no longer has: only a new list helps. */
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;

function parse(body: string): { reason?: unknown; message?: unknown } | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
