import type { RequestOptions } from '../client.ts';
import type { Endpoint, Input } from '../contract/index.ts';

/** What a call of a model takes: fields that the contract does not name go to the engine as they are. */
export type InferenceRequest<E extends Endpoint> = Input<E>;

/** As long as the server lets a call run. */
const INFERENCE_TIMEOUT_MS = 30 * 60_000;

/** Models take their time. */
export const patient = (options: RequestOptions = {}): RequestOptions => ({
  ...options,
  timeoutMs: options.timeoutMs ?? INFERENCE_TIMEOUT_MS,
});
