import type { Fault } from './faults.ts';
import { signalOf, untilGone } from './pause.ts';
import type { Personality } from './personalities/personality.ts';
import { json, type Reply, sendReply, text } from './reply.ts';
import type { SimResponse } from './sim-response.ts';

type Wording = Pick<Personality, 'refuse' | 'overload'>;

/** Whether a fault has taken the place of an answer. */
export async function strikeBefore(
  faults: readonly Fault[],
  response: SimResponse,
  wording: Wording,
): Promise<boolean> {
  for (const fault of faults) {
    const reply = replyOf(fault, wording);
    if (reply) sendReply(response, reply);
    else if (fault.kind === 'reset') response.socket?.resetAndDestroy();
    else if (fault.kind === 'exit-before') process.exit(1);
    else if (fault.kind === 'hang') await untilGone(signalOf(response));
    else continue;
    return true;
  }
  return false;
}

const BAD_GATEWAY =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n';

function replyOf({ kind, detail }: Fault, wording: Wording): Reply | undefined {
  if (kind === 'html-502') return text(502, BAD_GATEWAY, 'text/html');
  if (kind === 'error-200') return json(200, failureOf(wording).body);
  return kind === 'status-N' ? withStatus(Number(detail), wording) : undefined;
}

/** What the engine says when generation fails. */
export const failureOf = ({ refuse }: Pick<Wording, 'refuse'>): Reply =>
  refuse({ status: 500, message: 'The engine failed.' });

const MESSAGES: Readonly<Record<number, string>> = { 401: 'Unauthorized', 404: 'Not Found', 429: 'Too many requests.' };

/** Exactly that status, worded as the engine would. */
function withStatus(status: number, { refuse, overload }: Wording): Reply {
  const message = MESSAGES[status] ?? (status === 503 ? overload.message : 'The engine failed.');
  const reply = { ...refuse({ status, message }), status };
  return status === 429 || status === 503 ? { ...reply, headers: { 'retry-after': '1' } } : reply;
}
