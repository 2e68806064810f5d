import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Counts what was sent, on disk, so that a process killed between two tokens leaves the exact number. */
export interface Tally {
  /** A request was accepted. */
  begin(request_id: string, prompt_tokens: number): CallTally;
}

export interface CallTally {
  /** Right before a write to the socket: once it is done the reader may run before we do. */
  sending(tokens: number): void;
  /** Right after it. */
  sent(): void;
}

export interface RequestTally {
  request_id: string;
  prompt_tokens: number;
  /** Tokens written to the socket, over all choices. */
  completion_tokens: number;
  /** Of these, the ones of a write during which the process was killed: nobody can say whether it came about. */
  unconfirmed_tokens: number;
}

/** Several processes may share one file: each record is one short append. */
export function openTally(path: string): Tally {
  const file = isFolder(path) ? join(path, `${process.pid}.tally`) : path;
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  const run = `${process.pid}.${Date.now().toString(36)}`;
  let calls = 0;
  return {
    begin(request_id, prompt_tokens) {
      const call = `${run}.${++calls}`;
      writeSync(descriptor, `request ${call} ${prompt_tokens} ${encodeURIComponent(request_id)}\n`);
      return {
        sending: (tokens) => void writeSync(descriptor, `sending ${call} ${tokens}\n`),
        sent: () => void writeSync(descriptor, `sent ${call}\n`),
      };
    },
  };
}

/** What each call was sent, in order of arrival. A request that was sent to two simulators stands there twice. */
export function readTallies(path: string): RequestTally[] {
  const calls = new Map<string, RequestTally>();
  for (const line of linesOf(path)) {
    const [kind, call = '', count, id = ''] = line.split(' ');
    const known = calls.get(call);
    if (kind === 'request') calls.set(call, newTally(decodeURIComponent(id), Number(count)));
    if (kind === 'sending' && known) {
      known.completion_tokens += Number(count);
      known.unconfirmed_tokens = Number(count);
    }
    if (kind === 'sent' && known) known.unconfirmed_tokens = 0;
  }
  return [...calls.values()];
}

const newTally = (request_id: string, prompt_tokens: number): RequestTally => ({
  request_id,
  prompt_tokens,
  completion_tokens: 0,
  unconfirmed_tokens: 0,
});

function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const files = isFolder(path) ? readdirSync(path).map((name) => join(path, name)) : [path];
  return files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
}

const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();
