import { exitCodeOf } from './exit-code.ts';

/** What a person or a script gets to know of an error. */
export interface Failure {
  code: string;
  message: string;
  hint: string | null;
  request_id: string | null;
  exitCode: number;
}

/** Reads any error that a command can end with: ours, of the command line parser, or a bug. `command` is for the hint. */
export function failureOf(error: unknown, command: string): Failure {
  const { code, status, message, hint, requestId, oclif } = Object(error) as Partial<Seen>;
  if (oclif?.exit === 2) return usage(String(message), `eco ${command} --help`);
  const known = typeof code === 'string' ? code : 'internal';
  return {
    code: known,
    message: message ?? String(error),
    hint: hint ?? null,
    request_id: requestId ?? null,
    exitCode: exitCodeOf({ code: known, status }),
  };
}

interface Seen {
  code: unknown;
  status: number;
  message: string;
  hint: string;
  requestId: string;
  oclif: { exit?: number };
}

const usage = (message: string, hint: string): Failure => ({
  code: 'usage',
  message: message
    .replace(/^The following errors? occurred:/, '')
    .replace(/\n(Note: --|See more help with)[\s\S]*$/, '')
    .replace(/\n(\S+) {2,}/g, ' $1, ') // a missing argument, and what it is
    .replace(/\s+/g, ' ')
    .trim(),
  hint,
  request_id: null,
  exitCode: exitCodeOf({ code: 'usage' }),
});

/** For people: what is wrong, what to do next, and what to quote when asking. What they ended themselves is no error. */
export function formatFailure({ code, message, hint, request_id }: Failure): string {
  const lines = [
    code === 'aborted' || code === 'declined' ? message : `Error: ${message}  [${code}]`,
    ...(hint ? [`  ${hint}`] : []),
    ...(request_id ? [`  request ${request_id}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** For scripts: one document on one line, as it may be the last one of a stream. */
export function failureDocument({ code, message, hint, request_id }: Failure): string {
  return `${JSON.stringify({ error: { code, message, hint, request_id } })}\n`;
}
