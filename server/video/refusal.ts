import { EcoError, type ErrorCode } from '../../sdk/contract/index.ts';
import type { EngineReply } from './engines.ts';
import { failureOf } from './seen.ts';

const ELSEWHERE: readonly number[] = [502, 503, 504];
/** They refuse us, not the caller. */
const OURS: readonly number[] = [401, 403];

/** Whether another replica may take what this one did not. */
export const mayGoElsewhere = ({ status }: EngineReply): boolean => ELSEWHERE.includes(status);

const codes: Readonly<Record<number, ErrorCode>> = {
  404: 'not_found',
  409: 'conflict',
  413: 'request_too_large',
  429: 'rate_limit_exceeded',
};

/** What the caller is told of an order that a replica did not take: a 4xx is the engine's own answer. */
export function refusalOf({ status, body }: EngineReply): EcoError {
  if (status < 400 || status >= 500 || OURS.includes(status))
    return new EcoError('upstream_error', `The model's server answered the order with status ${status}. Try again.`);
  return new EcoError(codes[status] ?? 'invalid_request', messageOf(body), { status });
}

/** In OpenAI's envelope, flat as vLLM once wrote it, or as FastAPI's `detail`. */
function messageOf(body: unknown): string {
  const { error, message, detail } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return failureOf(error ?? message ?? detail).message;
}
