import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Counts what was sent, on disk, so that a process killed between two tokens leaves the exact number. */
export interface Tally {
  /** A request was accepted. Gives its token counter, which is to be called right after each write to the socket. */
  begin(request_id: string, prompt_tokens: number): (tokens: number) => void;
}

export interface RequestTally {
  request_id: string;
  prompt_tokens: number;
  /** Tokens written to the socket, over all choices. */
  completion_tokens: number;
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
      return (tokens) => void writeSync(descriptor, `tokens ${call} ${tokens}\n`);
    },
  };
}

/** What each call was sent, in order of arrival. A request that was sent to two simulators stands there twice. */
export function readTallies(path: string): RequestTally[] {
  const calls = new Map<string, RequestTally>();
  for (const line of linesOf(path)) {
    const [kind, call = '', count, id = ''] = line.split(' ');
    const known = calls.get(call);
    if (kind === 'tokens' && known) known.completion_tokens += Number(count);
    if (kind === 'request')
      calls.set(call, { request_id: decodeURIComponent(id), prompt_tokens: Number(count), completion_tokens: 0 });
  }
  return [...calls.values()];
}

function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const files = isFolder(path) ? readdirSync(path).map((name) => join(path, name)) : [path];
  return files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
}

const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();
