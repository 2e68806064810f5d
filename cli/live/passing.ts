import { EcoError } from '../../sdk/contract/errors.ts';

/** Whether it may work the next time: the server is away, restarts, or has too much to do. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof EcoError)) return false;
  const { code, status } = error;
  return ['connection_error', 'stream_cut', 'request_timeout'].includes(code) || status === 429 || status >= 500;
}
