import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FakeApi } from './fakes/api.ts';

export const root = fileURLToPath(new URL('../', import.meta.url));
const bin = join(root, 'bin/eco.js');
const RUN_TIMEOUT_MS = 60_000;

/** Home and settings of the commands that a test file runs. */
export const folder = mkdtempSync(join(tmpdir(), 'eco-cli-'));
after(() => rm(folder, { recursive: true }));

interface Options {
  api?: FakeApi | undefined;
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
}

export const environment = ({ api, env }: Options) => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  ECO_CONFIG_DIR: folder,
  ...(api && { ECO_API_URL: api.url, ECO_API_KEY: 'eco_test' }),
  ...env,
});

/** Starts the real binary. */
export function start(args: string[], options: Options): ChildProcess {
  const child = spawn(process.execPath, [bin, ...args], {
    env: environment(options),
    timeout: RUN_TIMEOUT_MS,
    cwd: options.cwd,
  });
  child.stdin?.on('error', () => {}); // a command that does not read its input closes it
  child.stdin?.end(options.input ?? '');
  return child;
}

/** Runs the real binary to its end. */
export async function eco(args: string[], options: Options = {}) {
  const ended = await finish(start(args, options));
  return { ...ended, json: () => JSON.parse(ended.stdout) };
}

export async function finish(child: ChildProcess) {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

async function text(stream: AsyncIterable<unknown> | null) {
  let all = '';
  for await (const chunk of stream!) all += chunk;
  return all;
}

/** Without this program there is no terminal to be had. */
export const noTerminal = spawnSync('script', ['--version']).status !== 0;

/** Runs the real binary at a terminal: types each text once its prompt is seen behind the one before. */
export async function ecoAtTerminal(
  command: string,
  steps: readonly (readonly [prompt: RegExp, typed: string])[],
  options: Options,
) {
  const child = spawn('script', ['-qec', `"${process.execPath}" "${bin}" ${command}`, '/dev/null'], {
    env: { ...environment(options), TERM: 'xterm' },
    timeout: RUN_TIMEOUT_MS,
  });
  const closed = once(child, 'close');
  const waiting = [...steps];
  let seen = '';
  let unread = '';
  for await (const chunk of child.stdout) {
    seen += chunk;
    unread += chunk;
    const [step] = waiting;
    if (!step?.[0].test(unread)) continue;
    waiting.shift();
    unread = '';
    child.stdin.write(step[1]);
  }
  const [code] = await closed;
  return { code, seen, unanswered: waiting.length };
}
