import { EcoError } from '../../sdk/contract/index.ts';
import { NotPriced } from './admit.ts';
import { requestIdHeaders } from './headers.ts';
import type { Reply } from './reply.ts';

/** Answers with an error in OpenAI's envelope. What is not ours to explain becomes `internal`. */
export function refuse(reply: Reply, error: unknown, requestId: string): void {
  if (!reply.isOpen) return;
  const { status, body, retryAfter, closes } = toAnswer(error, requestId);
  const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))];
  headers.push(...requestIdHeaders(requestId));
  if (retryAfter !== undefined) headers.push('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
  if (closes) headers.push('connection', 'close');
  reply.head(status, headers);
  reply.end(Buffer.from(body));
}

/** After these the rest of an upload would come, and nobody reads it. */
const CLOSING: readonly string[] = ['request_too_large', 'request_timeout', 'overloaded', 'unavailable'];

function toAnswer(error: unknown, requestId: string) {
  if (error instanceof NotPriced)
    return { status: error.status, body: error.body, retryAfter: undefined, closes: false };
  const known =
    error instanceof EcoError
      ? error
      : new EcoError('internal', 'Something went wrong on our side. It is logged under this request id.');
  const body = JSON.stringify(known.toBody(requestId));
  return { status: known.status, body, retryAfter: known.retryAfter, closes: CLOSING.includes(known.code) };
}
