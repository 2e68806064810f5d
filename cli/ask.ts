import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Ending } from './ending.ts';
import { isAttended } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const STDIN_MAX_BYTES = 1024 * 1024;

/** Whether a person is there to answer, who is not reading `--json`. */
export const canAsk = (json = false) => isAttended(process.stdin) && isAttended(process.stderr) && !json;

/** Asks on stderr; only y and yes agree. */
export async function askYesNo(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `, process.stderr)).trim());
}

/** Asks without showing what is typed. */
export async function askHidden(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return (await ask(question, nowhere)).trim();
}

/** `echo` shows what is typed. The terminal's own echo is off before the question is seen, so that a fast hand is hidden too. */
async function ask(question: string, echo: NodeJS.WritableStream): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: echo, terminal: true });
  const isHidden = echo !== process.stderr;
  const stop = new AbortController();
  lines.once('SIGINT', () => stop.abort()).once('close', () => stop.abort());
  try {
    if (isHidden) process.stderr.write(question);
    return await lines.question(isHidden ? '' : question, { signal: stop.signal });
  } catch (cause) {
    throw stop.signal.aborted ? new Ending('aborted', 'Nothing was done.') : cause;
  } finally {
    lines.close();
    if (isHidden) process.stderr.write('\n');
  }
}

/** All that is piped in, without the last line end. */
export async function readStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > STDIN_MAX_BYTES) throw new UsageError(`Standard input is larger than ${STDIN_MAX_BYTES} bytes.`);
  }
  return text.replace(/\r?\n$/, '');
}
