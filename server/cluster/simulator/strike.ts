import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';
import { signalOf, untilGone } from './pause.ts';
import { refuse } from './send.ts';

/** Whether the fault has taken the place of an answer. */
export async function strikeBefore({ kind }: Fault, response: ServerResponse): Promise<boolean> {
  if (kind === 'status-429') refuse(response, 429, 'Too many requests.', { 'retry-after': '1' });
  else if (kind === 'status-500') refuse(response, 500, 'The engine failed.');
  else if (kind === 'status-503') refuse(response, 503, 'The engine is overloaded.', { 'retry-after': '1' });
  else if (kind === 'reset') response.socket?.resetAndDestroy();
  else if (kind === 'hang') await untilGone(signalOf(response));
  else return false;
  return true;
}

/** The same in the middle of it. */
export async function strikeInside({ kind }: Fault, response: ServerResponse, signal: AbortSignal): Promise<boolean> {
  if (kind === 'cut') response.socket?.destroy();
  else if (kind === 'stall') await untilGone(signal);
  else if (kind === 'exit') process.exit(1);
  else if (kind === 'error-event' && !response.headersSent) refuse(response, 500, 'The engine failed.');
  else return false;
  return true;
}
