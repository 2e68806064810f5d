import { EcoError } from '../../sdk/contract/index.ts';
import type { UpstreamFailure } from './upstream.ts';

/** Why an attempt at a replica came to nothing. */
export interface Fault {
  error: EcoError;
  /** Whether another replica may do better, as long as the client has seen nothing. */
  isRetryable: boolean;
  /** Whether it counts against the replica: what the client caused never does. */
  isReplicas: boolean;
  /** The client has the engine's own words about it already. */
  isTold?: boolean;
}

const RETRY_AFTER_S = 1;

const upstreamError = (message: string, cause?: unknown) =>
  new EcoError('upstream_error', message, { retryAfter: RETRY_AFTER_S, cause });

const replicas = (error: EcoError): Fault => ({ error, isRetryable: true, isReplicas: true });
const final = (error: EcoError): Fault => ({ error, isRetryable: false, isReplicas: false });

export const unreachable = ({ type, cause }: UpstreamFailure): Fault =>
  replicas(
    upstreamError(
      type === 'connect'
        ? 'The replica could not be reached. Try again.'
        : 'The connection to the replica broke before the answer was complete. Try again.',
      cause,
    ),
  );

const RETRYABLE_STATUS: readonly number[] = [502, 503, 504];

/** What a status that is no answer says; 4xx are answers, but for 401 and 403: those refuse us, not the caller. */
export function refusedBy(status: number): Fault {
  const error = upstreamError(`The model's server answered with status ${status}. Try again.`);
  return RETRYABLE_STATUS.includes(status) ? replicas(error) : final(error);
}

export const errorBeforeContent = (): Fault =>
  replicas(upstreamError("The model's server reported an error instead of an answer. Try again."));

export const emptyAnswer = (): Fault =>
  replicas(upstreamError("The model's server answered without a single byte. Try again."));

export const cutStream = (): Fault =>
  replicas(upstreamError('The stream ended before the answer was complete. What came until here is billed.'));

export const errorInStream = (): Fault => ({
  error: upstreamError("The model's server reported an error in its stream."),
  isRetryable: false,
  isReplicas: true,
  isTold: true,
});

export const unreadable = (why: string): Fault => final(upstreamError(`The model's server ${why}.`));

export const firstTokenTimeout = (ms: number): Fault =>
  replicas(new EcoError('first_token_timeout', `The model gave no first token within ${seconds(ms)} seconds.`));

export const idleTimeout = (ms: number): Fault => ({
  error: new EcoError('idle_timeout', `The model gave nothing more for ${seconds(ms)} seconds.`),
  isRetryable: false,
  isReplicas: true,
});

export const totalTimeout = (ms: number): Fault =>
  final(new EcoError('total_timeout', `The request took longer than ${seconds(ms)} seconds.`));

const seconds = (ms: number) => ms / 1000;
